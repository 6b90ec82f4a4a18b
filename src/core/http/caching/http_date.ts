/** Reads the dates of HTTP fields, without a clock (RFC 9110 section 5.6.7). */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const MONTH = MONTHS.join("|");
const TIME = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)";
const DAY_SECONDS = 86_400;
const YEAR_SECONDS = 365.2425 * DAY_SECONDS;
/** The longest of the three forms is `Wednesday, 09-Nov-94 08:49:37 GMT`. */
const LONGEST = 33;

const FORMS = [
  // IMF-fixdate
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?<day>\\d\\d) (?<month>${MONTH}) (?<year>\\d{4}) ${TIME} GMT`,
  // rfc850-date, whose year has two digits
  `(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?<day>\\d\\d)-(?<month>${MONTH})-(?<short>\\d\\d) ` +
  `${TIME} GMT`,
  // asctime-date
  `(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) (?<month>${MONTH}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/**
 * The time that `text` says, in whole seconds since 1970; `undefined` when it is no date in one of the
 * three forms, all of which a recipient has to take. The name of the day is not compared with the date.
 *
 * @param now The time now in seconds since 1970, which decides about years of two digits: more than 50
 *   years ahead is in the past.
 */
export function parseHttpDate(text: string, now: number): number | undefined {
  if (text.length > LONGEST) return undefined;
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return secondsOf(groups, now);
  }
  return undefined;
}

function secondsOf(groups: Record<string, string | undefined>, now: number): number | undefined {
  const month = MONTHS.indexOf(groups.month!);
  const day = Number(groups.day);
  const [hour, minute, second] = [groups.hour, groups.minute, groups.second].map(Number);
  // A leap second is one of the grammar.
  if (hour! > 23 || minute! > 59 || second! > 60) return undefined;
  const ofDay = hour! * 3600 + minute! * 60 + second!;
  const at = (year: number) => {
    const isLeapDay = month === 1 && day === 29 && isLeapYear(year);
    if (day < 1 || (day > MONTH_DAYS[month]! && !isLeapDay)) return undefined;
    return daysBefore(year, month, day) * DAY_SECONDS + ofDay;
  };
  if (groups.year !== undefined) return at(Number(groups.year));
  const thisYear = 1970 + Math.floor(now / YEAR_SECONDS);
  const year = thisYear - thisYear % 100 + 100 + Number(groups.short);
  for (const each of [year, year - 100]) {
    const seconds = at(each);
    if (seconds !== undefined && seconds <= now + 50 * YEAR_SECONDS) return seconds;
  }
  return at(year - 200);
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days between 1970 and a date of the Gregorian calendar; negative before it. */
function daysBefore(year: number, month: number, day: number): number {
  const before = year - 1;
  const leapDays = (last: number) =>
    Math.floor(last / 4) - Math.floor(last / 100) + Math.floor(last / 400);
  let days = (year - 1970) * 365 + leapDays(before) - leapDays(1969) + day - 1;
  for (let each = 0; each < month; each++) days += MONTH_DAYS[each]!;
  return month > 1 && isLeapYear(year) ? days + 1 : days;
}
