/** Types of the functions of `@std/media-types` that this project uses. */
export function contentType(extensionOrType: string): string | undefined;
