/** What this library asks of a runtime, as Deno has it. */

/** What may be asked whether it is granted; as in `Deno.permissions`. */
export interface PermissionQuery {
  readonly name: string;
  readonly host?: string | undefined;
  readonly kind?: string | undefined;
  readonly path?: string | URL | undefined;
  readonly variable?: string | undefined;
}

/** What is known of a file, a folder or a socket. */
export interface FileFacts {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSocket: boolean | null;
  /** In bytes. */
  readonly size: number;
  readonly mtime: Date | null;
  readonly dev: number;
  readonly ino: number | null;
}

/**
 * An open file of the host: in Deno a `Deno.FsFile`.
 *
 * @category Files and HTTP
 */
export interface HostFile {
  /** Reads what comes next; `null` at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** As `read`, without waiting. */
  readSync(buffer: Uint8Array): number | null;
  /** Writes, and says how many bytes. */
  write(data: Uint8Array): Promise<number>;
  /** As `write`, without waiting. */
  writeSync(data: Uint8Array): number;
  /** Moves on from the present position (`whence` 1), and says the new one. */
  seek(offset: number, whence: number): Promise<number>;
  /** As `seek`, without waiting. */
  seekSync(offset: number, whence: number): number;
  /** What is known of it. */
  stat(): Promise<HostFileFacts>;
  /** As `stat`, without waiting. */
  statSync(): HostFileFacts;
  /** Closes it. */
  close(): void;
}

/**
 * What is known of an open file of the host.
 *
 * @category Files and HTTP
 */
export interface HostFileFacts {
  /** Whether it is a regular file. */
  readonly isFile: boolean;
  /** Its length in bytes. */
  readonly size: number;
  /** When it was changed last, where that is known. */
  readonly mtime: Date | null;
}

/** How a file is opened. */
export interface OpenFlags {
  readonly read: boolean;
  readonly write: boolean;
}

type ErrorClass = new (message: string) => Error;

/** The classes by which failures are known. */
export interface RuntimeErrors {
  readonly AddrInUse: ErrorClass;
  readonly AddrNotAvailable: ErrorClass;
  readonly BrokenPipe: ErrorClass;
  readonly ConnectionAborted: ErrorClass;
  readonly ConnectionRefused: ErrorClass;
  readonly ConnectionReset: ErrorClass;
  readonly NotCapable: ErrorClass;
  readonly NotConnected: ErrorClass;
  readonly NotFound: ErrorClass;
  readonly PermissionDenied: ErrorClass;
  readonly TimedOut: ErrorClass;
}

/** The part of `Deno` that is there everywhere. */
export interface Runtime {
  readonly build: { readonly os: string };
  readonly env: {
    get(name: string): string | undefined;
    set(name: string, value: string): void;
    delete(name: string): void;
  };
  readonly errors: RuntimeErrors;
  readonly permissions: { querySync(query: PermissionQuery): { readonly state: string } };
  chmodSync(path: string, mode: number): void;
  hostname(): string;
  lstatSync(path: string): FileFacts;
  memoryUsage(): { readonly rss: number };
  networkInterfaces(): readonly {
    readonly name: string;
    readonly family: "IPv4" | "IPv6";
    readonly address: string;
  }[];
  open(path: string, flags: OpenFlags): Promise<HostFile>;
  openSync(path: string, flags: OpenFlags): HostFile;
  readDir(path: string): AsyncIterable<{ readonly name: string }>;
  readTextFileSync(path: string): string;
  realPath(path: string): Promise<string>;
  realPathSync(path: string): string;
  refTimer(timer: number): void;
  removeSync(path: string): void;
  stat(path: string): Promise<FileFacts>;
  statSync(path: string): FileFacts;
  umask(mask: number): number;
  unrefTimer(timer: number): void;
}
