/** In which of the 16,384 slots of a Redis Cluster a key is. */

/** How many there are. */
export const SLOTS = 16_384;

const encoder = new TextEncoder();

/** CRC-16/XMODEM, as the cluster's specification has it. */
const TABLE: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let i = 0; i < 8; i++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** By its hash tag, if it has one. */
export function slotOf(key: string): number {
  const start = key.indexOf("{");
  const end = start < 0 ? -1 : key.indexOf("}", start);
  const part = end > start + 1 ? key.slice(start + 1, end) : key;
  let crc = 0;
  for (const byte of encoder.encode(part)) {
    crc = ((crc << 8) ^ TABLE[(crc >> 8) ^ byte]!) & 0xffff;
  }
  return crc % SLOTS;
}
