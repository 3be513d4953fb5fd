/**
 * The words in which the inventory says what data is and what it is for: terms of the W3C Data Privacy Vocabulary (DPV),
 * version 2.1, by their names there. Only terms that are used stand here; more may be added from the vocabulary.
 */

/** Categories of personal data (https://w3id.org/dpv/pd). */
const PERSONAL_DATA = [
  "Authenticating",
  "AuthenticationHistory",
  "Behavioral",
  "BrowsingBehavior",
  "BrowsingReferral",
  "Communication",
  "DeviceOperatingSystem",
  "DeviceSoftware",
  "EmailAddress",
  "GroupMembership",
  "Identifier",
  "Language",
  "Name",
  "Profile",
  "SecretText",
  "ServiceConsumptionBehavior",
  "Transaction",
  "UserAgent",
] as const;

/** Categories of data that is about nobody (https://w3id.org/dpv). */
const OTHER_DATA = ["AnonymisedData", "NonPersonalData"] as const;

/** Purposes (https://w3id.org/dpv). */
export type Purpose =
  | "AccountManagement"
  | "CommunicationManagement"
  | "EnforceSecurity"
  | "IdentityAuthentication"
  | "LegalCompliance"
  | "PaymentManagement"
  | "RecordManagement"
  | "RepairImpairments"
  | "RightsFulfillment"
  | "ServicePersonalisation"
  | "ServiceProvision"
  | "ServiceUsageAnalytics"
  | "TechnicalServiceProvision";

export type Category = (typeof PERSONAL_DATA)[number] | (typeof OTHER_DATA)[number];

/** GDPR article 6(1), as terms of DPV's extension for that law; `none`: not personal data. */
export const LEGAL_BASES = {
  contract: { article: "6(1)(b)", term: "eu-gdpr:A6-1-b" },
  "legal-obligation": { article: "6(1)(c)", term: "eu-gdpr:A6-1-c" },
  "legitimate-interests": { article: "6(1)(f)", term: "eu-gdpr:A6-1-f" },
  none: null,
} as const;
export type LegalBasis = keyof typeof LEGAL_BASES;

/** A category with the prefix of the vocabulary that it comes from. */
export function categoryTerm(category: Category): string {
  return `${(OTHER_DATA as readonly string[]).includes(category) ? "dpv" : "pd"}:${category}`;
}

export function purposeTerm(purpose: Purpose): string {
  return `dpv:${purpose}`;
}

/** To whom data goes: our processors, and nobody else. */
export const RECIPIENTS = {
  cloudflare: "Cloudflare: runs the Worker and the gates, keeps the log",
  neon: "Neon: runs the database",
  "mail-provider": "the provider that sends our mail",
} as const;
export type Recipient = keyof typeof RECIPIENTS;
