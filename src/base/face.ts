/**
 * Faces: what programs are handed in place of the objects that do the work. A face has the members of
 * its interface and nothing else that a program could see.
 */

import { LwsError } from "./errors.ts";

let read: (face: Face) => unknown;
let has: (value: object) => value is Face;

/** The base of a face, which keeps what is behind it. */
export abstract class Face<Inner extends object = object> {
  readonly #inner: Inner;

  constructor(inner: Inner) {
    this.#inner = inner;
  }

  static {
    read = (face) => face.#inner;
    has = (value): value is Face => #inner in value;
  }
}

/**
 * What is behind a face, for code of the library that gets one back.
 *
 * @throws {LwsError} `invalid-argument` when it is no face
 */
export function behind<Inner extends object>(face: object): Inner {
  try {
    return read(face as Face) as Inner;
  } catch (cause) {
    throw noFace(cause);
  }
}

/** Whether something is behind `value`: not so for a prototype, a Proxy and what inherits from a face. */
export function isFace(value: object): value is Face {
  return has(value);
}

function noFace(cause: unknown): LwsError {
  const what = "no object of the library; a Proxy around one is none, nor what inherits from one";
  return new LwsError("invalid-argument", what, { cause });
}
