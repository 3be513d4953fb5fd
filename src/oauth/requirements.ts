import type { Requirement } from "./requirement.ts";
import { METADATA_REQUIREMENTS, REGISTRATION_REQUIREMENTS, UPDATE_REQUIREMENTS } from "./requirements-client.ts";
import { ISSUER_REQUIREMENTS, NATIVE_REQUIREMENTS, PKCE_REQUIREMENTS } from "./requirements-code.ts";
import { CORE_REQUIREMENTS, PRACTICE_REQUIREMENTS } from "./requirements-core.ts";
import { DEVICE_REQUIREMENTS } from "./requirements-device.ts";
import { INTROSPECTION_REQUIREMENTS, REVOCATION_REQUIREMENTS } from "./requirements-token.ts";

/**
 * What the RFCs ask of this server, and the test that shows it: every MUST, and every SHOULD that is kept. docs/oauth.md
 * is printed from it, and printing fails when a test is not where it is said to be.
 */
export const REQUIREMENTS: readonly Requirement[] = [
  ...CORE_REQUIREMENTS,
  ...REVOCATION_REQUIREMENTS,
  ...REGISTRATION_REQUIREMENTS,
  ...UPDATE_REQUIREMENTS,
  ...PKCE_REQUIREMENTS,
  ...INTROSPECTION_REQUIREMENTS,
  ...NATIVE_REQUIREMENTS,
  ...METADATA_REQUIREMENTS,
  ...DEVICE_REQUIREMENTS,
  ...ISSUER_REQUIREMENTS,
  ...PRACTICE_REQUIREMENTS,
];
