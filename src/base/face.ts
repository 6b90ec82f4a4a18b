/**
 * Faces: what programs are handed in place of the objects that do the work. A face has the members of
 * its interface and nothing else that a program could see.
 */

let read: (face: Face) => unknown;

/** The base of a face, which keeps what is behind it. */
export abstract class Face<Inner extends object = object> {
  readonly #inner: Inner;

  constructor(inner: Inner) {
    this.#inner = inner;
  }

  static {
    read = (face) => face.#inner;
  }
}

/**
 * What is behind a face, for code of the library that gets one back.
 *
 * @throws {TypeError} when it is no face
 */
export function behind<Inner extends object>(face: object): Inner {
  return read(face as Face) as Inner;
}
