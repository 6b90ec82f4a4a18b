/** The moment of an answer, as its head says it. */

let dateSecond = 0;
let dateText = "";

/** The value of `date` now (RFC 9110 section 6.6.1); made once a second. */
export function httpDate(): string {
  const now = Date.now();
  const second = Math.floor(now / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateText = new Date(now).toUTCString();
  }
  return dateText;
}
