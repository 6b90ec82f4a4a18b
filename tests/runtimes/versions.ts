/** The runtimes that CI runs the tests in, as npm names their programs. */

const ARCHITECTURES = { x86_64: "x64", aarch64: "arm64", riscv64: "riscv64" } as const;
/** The name of Node's package. */
export const NODE = `node-${Deno.build.os}-${ARCHITECTURES[Deno.build.arch]}`;

/** Node's versions, the oldest first. */
export const NODE_VERSIONS = ["22", "24"] as const;
export const BUN_VERSION = "1.4.5";

/** Node's package of a version: the program itself, by no script. */
export const nodePackage = (version: string) => `${NODE}@${version}`;
/** Bun's package. */
export const BUN = `bun@${BUN_VERSION}`;

/** Where a folder's Node is. */
export function nodeIn(folder: string): string {
  return `${folder}/node_modules/${NODE}/bin/node`;
}

/** Where bun is. Of the packages that npm chooses by the system, the plainest is always there. */
export function bunIn(folder: string): string {
  const [bun] = [...Deno.readDirSync(`${folder}/node_modules/@oven`)].map(({ name }) => name);
  return `${folder}/node_modules/@oven/${bun}/bin/bun`;
}
