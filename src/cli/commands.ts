import { auditCommand } from "./audit.ts";
import type { Command } from "./command.ts";
import { eventListCommand } from "./event-list.ts";
import { identityProviderCreateCommand } from "./identity-provider-create.ts";
import { identityProviderListCommand } from "./identity-provider-list.ts";
import { identityProviderRemoveCommand } from "./identity-provider-remove.ts";
import { instanceListCommand } from "./instance-list.ts";
import { inventoryCommand } from "./inventory.ts";
import { invitationCreateCommand } from "./invitation-create.ts";
import { invitationListCommand } from "./invitation-list.ts";
import { invitationResendCommand } from "./invitation-resend.ts";
import { invitationWithdrawCommand } from "./invitation-withdraw.ts";
import { keyCreateCommand } from "./key-create.ts";
import { keyListCommand } from "./key-list.ts";
import { keyRevokeCommand } from "./key-revoke.ts";
import { keyRotateCommand } from "./key-rotate.ts";
import { keyShowCommand } from "./key-show.ts";
import { limitsSetCommand } from "./limits-set.ts";
import { limitsShowCommand } from "./limits-show.ts";
import { limitsTraceCommand } from "./limits-trace.ts";
import { memberListCommand } from "./member-list.ts";
import { memberRemoveCommand } from "./member-remove.ts";
import { memberRoleCommand } from "./member-role.ts";
import { partitionsCommand } from "./partitions.ts";
import { partitionsCreateCommand } from "./partitions-create.ts";
import { pingsCommand } from "./pings.ts";
import { purgeCommand } from "./purge.ts";
import { registrationKeyCreateCommand } from "./registration-key-create.ts";
import { registrationKeyListCommand } from "./registration-key-list.ts";
import { retentionCommand } from "./retention.ts";
import { retentionHoldListCommand } from "./retention-hold-list.ts";
import { retentionHoldPlaceCommand } from "./retention-hold-place.ts";
import { retentionHoldReleaseCommand } from "./retention-hold-release.ts";
import { retentionReceiptsCommand } from "./retention-receipts.ts";
import { retentionWindowSetCommand } from "./retention-window-set.ts";
import { retentionWindowShowCommand } from "./retention-window-show.ts";
import { tenantBrandCommand } from "./tenant-brand.ts";
import { TENANT_CHANGE_COMMANDS } from "./tenant-change.ts";
import { tenantCreateCommand } from "./tenant-create.ts";
import { tenantListCommand } from "./tenant-list.ts";
import { tenantShowCommand } from "./tenant-show.ts";
import { tokenKeysRotateCommand } from "./token-keys-rotate.ts";
import { tokenListCommand } from "./token-list.ts";
import { tokenRevokeCommand } from "./token-revoke.ts";

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  tenantListCommand,
  tenantShowCommand,
  tenantCreateCommand,
  ...TENANT_CHANGE_COMMANDS,
  tenantBrandCommand,
  memberListCommand,
  memberRoleCommand,
  memberRemoveCommand,
  invitationCreateCommand,
  invitationListCommand,
  invitationWithdrawCommand,
  invitationResendCommand,
  auditCommand,
  eventListCommand,
  keyCreateCommand,
  keyListCommand,
  keyShowCommand,
  keyRotateCommand,
  keyRevokeCommand,
  tokenListCommand,
  tokenRevokeCommand,
  registrationKeyCreateCommand,
  registrationKeyListCommand,
  identityProviderCreateCommand,
  identityProviderListCommand,
  identityProviderRemoveCommand,
  instanceListCommand,
  pingsCommand,
  limitsShowCommand,
  limitsSetCommand,
  limitsTraceCommand,
  inventoryCommand,
  retentionCommand,
  retentionReceiptsCommand,
  retentionHoldPlaceCommand,
  retentionHoldListCommand,
  retentionHoldReleaseCommand,
  retentionWindowShowCommand,
  retentionWindowSetCommand,
  purgeCommand,
  partitionsCommand,
  partitionsCreateCommand,
  tokenKeysRotateCommand,
];
