import { handlers, type Protocol } from "../../mod.ts";

/** A protocol of a name and methods. */
export function named<User = unknown>(
  name: string,
  methods: Parameters<typeof handlers<User>>[0],
): Protocol<User> {
  return { name, callback: handlers<User>(methods) };
}
