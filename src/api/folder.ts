/** The file system as mounts see it: a folder that nothing leads out of. */

/** A regular file, as far as it has to be known before it is opened. */
export interface FoundFile {
  readonly kind: "file";
  /** Where it really is, without symbolic links. */
  readonly path: string;
  readonly length: number;
  readonly mtime: Date | null;
}

/**
 * What a name stands for: a regular file, a folder, or nothing that may be served; `unavailable` while the
 * system can't tell, such as for want of a descriptor.
 */
export type Found = FoundFile | { readonly kind: "folder" | "unavailable" } | undefined;

/** A file or folder in a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFolder: boolean;
  /** Bytes of a file; 0 for a folder. */
  readonly length: number;
  readonly mtime: Date | null;
}

/** What is in a folder. */
export interface FolderContent {
  /** In the order of their names. */
  readonly entries: readonly FolderEntry[];
  /** Whether there are no others. */
  readonly isWhole: boolean;
}

/**
 * A folder and all below it. Names begin with a slash and have no `..` segment. Implemented by HostFolder
 * over the host's files; called by `files/lookup` for each request that a mount may have a file for.
 */
export interface Folder {
  /** The folder as the program gave it, for the log. */
  readonly path: string;
  /** Never throws: what can't be read isn't there, and the log says why. */
  find(name: string): Found;
  /**
   * The files and folders in one of them; 404 when that is no folder, 503 when the system can't read
   * it now, as for want of a descriptor. Never rejects.
   *
   * @param most How many are looked at.
   * @param isShown Says which ones are.
   * @param inTurn Waited for before each piece of work, so that others have their turns.
   */
  list(
    name: string,
    most: number,
    isShown: (name: string) => boolean,
    inTurn: () => Promise<void>,
  ): Promise<FolderContent | 404 | 503>;
}
