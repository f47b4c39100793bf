const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const VALID = `00-${TRACE}-${PARENT}-01`;

/** Values of `traceparent` and the trace that each names; `undefined` where it is not valid (W3C Trace Context §3.2.2). */
export const TRACEPARENTS: readonly (readonly [
  traceparent: string | readonly string[],
  traceId: string | undefined,
])[] = [
  [VALID, TRACE],
  [`00-${TRACE}-${PARENT}-00`, TRACE],
  [`00-${TRACE}-${PARENT}-ff`, TRACE],
  // Of a later version, the members of the first one are read.
  [`01-${TRACE}-${PARENT}-01`, TRACE],
  [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, TRACE],
  [`cc-${TRACE}-${PARENT}-01.what-the-future-will-not-be-like`, undefined],
  [`00-${TRACE}-${PARENT}-01-more`, undefined],
  [`00-${TRACE}-${PARENT}-01-`, undefined],
  [`ff-${TRACE}-${PARENT}-01`, undefined],
  [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
  [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT.toUpperCase()}-01`, undefined],
  [`0F-${TRACE}-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT}-0F`, undefined],
  [`00-${TRACE.slice(1)}-${PARENT}-01`, undefined],
  [`00-${TRACE}a-${PARENT}-01`, undefined],
  [`00-${TRACE}-${PARENT.slice(1)}-01`, undefined],
  [`00-${TRACE}-${PARENT}-1`, undefined],
  [`00-${TRACE}-${PARENT}`, undefined],
  [`00-${TRACE.slice(1)}g-${PARENT}-01`, undefined],
  [`00_${TRACE}_${PARENT}_01`, undefined],
  [` ${VALID}`, undefined],
  [`${VALID} `, undefined],
  [`${VALID}, ${VALID}`, undefined],
  [`cc-${TRACE}-${PARENT}-01, ${VALID}`, undefined],
  [[VALID, VALID], undefined],
  ['', undefined],
  ['%d%d', undefined],
  [`00-${TRACE}-${PARENT}-01`.repeat(1000), undefined],
];
