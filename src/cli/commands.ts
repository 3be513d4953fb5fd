import { auditCommand } from "./audit.ts";
import type { Command } from "./command.ts";
import { eventListCommand } from "./event-list.ts";
import { identityProviderCreateCommand } from "./identity-provider-create.ts";
import { identityProviderListCommand } from "./identity-provider-list.ts";
import { identityProviderRemoveCommand } from "./identity-provider-remove.ts";
import { INSTANCE_CHANGE_COMMANDS } from "./instance-change.ts";
import { instanceListCommand } from "./instance-list.ts";
import { instanceShowCommand } from "./instance-show.ts";
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
import { memberSeatCommand } from "./member-seat.ts";
import { partitionsCommand } from "./partitions.ts";
import { partitionsCreateCommand } from "./partitions-create.ts";
import { pingsCommand } from "./pings.ts";
import { purgeCommand } from "./purge.ts";
import { registrationKeyCreateCommand } from "./registration-key-create.ts";
import { registrationKeyListCommand } from "./registration-key-list.ts";
import { registrationKeyRevokeCommand } from "./registration-key-revoke.ts";
import { retentionCommand } from "./retention.ts";
import { retentionHoldListCommand } from "./retention-hold-list.ts";
import { retentionHoldPlaceCommand } from "./retention-hold-place.ts";
import { retentionHoldReleaseCommand } from "./retention-hold-release.ts";
import { retentionReceiptsCommand } from "./retention-receipts.ts";
import { retentionWindowSetCommand } from "./retention-window-set.ts";
import { retentionWindowShowCommand } from "./retention-window-show.ts";
import { signInEndCommand } from "./sign-in-end.ts";
import { signInListCommand } from "./sign-in-list.ts";
import { tenantBrandCommand } from "./tenant-brand.ts";
import { TENANT_CHANGE_COMMANDS } from "./tenant-change.ts";
import { tenantCreateCommand } from "./tenant-create.ts";
import { tenantListCommand } from "./tenant-list.ts";
import { tenantOfflineLeaseCommand } from "./tenant-offline-lease.ts";
import { tenantShowCommand } from "./tenant-show.ts";
import { tokenKeysRotateCommand } from "./token-keys-rotate.ts";
import { tokenListCommand } from "./token-list.ts";
import { tokenRevokeCommand } from "./token-revoke.ts";
import { voucherCreateCommand } from "./voucher-create.ts";
import { voucherListCommand } from "./voucher-list.ts";
import { voucherRevokeCommand } from "./voucher-revoke.ts";
import { workspaceCreateCommand } from "./workspace-create.ts";
import { workspaceListCommand } from "./workspace-list.ts";
import { workspaceRemoveCommand } from "./workspace-remove.ts";
import { workspaceRenameCommand } from "./workspace-rename.ts";
import { workspaceSetCommand } from "./workspace-set.ts";

/** In the order of the help. */
export const COMMANDS: readonly Command[] = [
  tenantListCommand,
  tenantShowCommand,
  tenantCreateCommand,
  ...TENANT_CHANGE_COMMANDS,
  tenantBrandCommand,
  tenantOfflineLeaseCommand,
  memberListCommand,
  memberRoleCommand,
  memberSeatCommand,
  memberRemoveCommand,
  invitationCreateCommand,
  invitationListCommand,
  invitationWithdrawCommand,
  invitationResendCommand,
  workspaceListCommand,
  workspaceCreateCommand,
  workspaceRenameCommand,
  workspaceSetCommand,
  workspaceRemoveCommand,
  voucherCreateCommand,
  voucherListCommand,
  voucherRevokeCommand,
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
  registrationKeyRevokeCommand,
  identityProviderCreateCommand,
  identityProviderListCommand,
  identityProviderRemoveCommand,
  instanceListCommand,
  instanceShowCommand,
  ...INSTANCE_CHANGE_COMMANDS,
  signInListCommand,
  signInEndCommand,
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
