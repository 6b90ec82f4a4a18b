/** As `http_load.c` compares it. */
export function contentOf(size: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: size }, (_, index) => 97 + index % 26);
}
