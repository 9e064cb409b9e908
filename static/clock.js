// How a time is written for whoever reads it: in their own zone, and with its name.

const DAY = 24 * 60 * 60 * 1000; // of UTC, where every day is as long

function parts(time, zone, options) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  return Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, value]));
}

/** Return the day of a time in a zone, as 2026-11-29. */
export function dayOf(time, zone) {
  const { year, month, day } = parts(time, zone, { year: "numeric", month: "2-digit", day: "2-digit" });
  return `${year}-${month}-${day}`;
}

/** Return the clock of a time in a zone, with the zone's short name: 06:24 CET. */
export function clockOf(time, zone) {
  const { hour, minute, timeZoneName } = parts(time, zone, { hour: "2-digit", minute: "2-digit", timeZoneName: "short" });
  return `${hour}:${minute} ${timeZoneName}`;
}

/** Return a time in full: its day and its clock. */
export function inFull(time, zone) {
  return `${dayOf(time, zone)} ${clockOf(time, zone)}`;
}

/** Return the day before one, both as 2026-11-29: by the calendar, for not every day has 24 hours. */
export function dayBefore(day) {
  return new Date(Date.parse(day) - DAY).toISOString().slice(0, 10);
}

/** Return a time briefly: the clock today, "yesterday" with the clock, the day otherwise; `yesterday` holds {clock}. */
export function briefly(time, now, zone, yesterday) {
  const day = dayOf(time, zone);
  if (day === dayOf(now, zone)) return clockOf(time, zone);
  if (day === dayBefore(dayOf(now, zone))) return yesterday.replace("{clock}", clockOf(time, zone));
  return day;
}
