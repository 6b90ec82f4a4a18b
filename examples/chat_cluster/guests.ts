/** Guests that are known to each server which has the secret: key and name are in their cookie, signed. */

const encoder = new TextEncoder();

/** Signs cookies, and knows those that were signed with the same secret. */
export interface GuestKey {
  /** The cookie of a new guest. */
  sign(name: string): Promise<string>;
  /** Which guest has this cookie; undefined where it is none of ours. */
  verify(cookie: string): Promise<{ key: string; name: string } | undefined>;
}

/** HMAC with SHA-256, which anyone can check that could sign as well. */
export async function guestKey(secret: string): Promise<GuestKey> {
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const bytes = encoder.encode(secret);
  const key = await crypto.subtle.importKey("raw", bytes, hmac, false, ["sign", "verify"]);
  return {
    async sign(name) {
      const guest = `${crypto.randomUUID()}.${encodeURIComponent(name.toWellFormed())}`;
      const signature = await crypto.subtle.sign(hmac, key, encoder.encode(guest));
      return `${new Uint8Array(signature).toHex()}.${guest}`;
    },
    async verify(cookie) {
      const [, signature, guest, id, name] = /^([0-9a-f]{64})\.(([\w-]+)\.(.+))$/.exec(cookie) ??
        [];
      if (guest === undefined) return undefined;
      const bytes = Uint8Array.fromHex(signature!);
      const isOurs = await crypto.subtle.verify(hmac, key, bytes, encoder.encode(guest));
      return isOurs ? { key: id!, name: decodeURIComponent(name!) } : undefined;
    },
  };
}
