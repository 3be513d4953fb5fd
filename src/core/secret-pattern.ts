/**
 * What secret scanners look for: an API key (`ebb_`), a personal access token (`ebbp_`), a registration key (`ebbr_`) or a
 * refresh token (`ebbt_`) anywhere in a text, in the syntax of RE2. The prefix, version, key id and region of a routing id (`routing-id.ts`) leave
 * five characters little choice, and base64url of 55 bytes ends on one of four: what only looks alike is rarely found.
 */
export const SECRET_PATTERN =
  "\\bebb[prt]?_A[Q-Za-f][AEIMQUYcgkosw048][A-D][A-Za-z0-9_-]{69}[AQgw](?:[^A-Za-z0-9_-]|$)";
