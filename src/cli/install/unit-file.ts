import { dirname, basename } from 'node:path';
import type { Placement } from './kong-settings';

/** Where systemd makes the folder of the socket, under /run. */
export const RUNTIME_FOLDER = 'kong-jwt-identity';

/**
 * Returns a systemd unit that runs the plugin server, for a Kong that does not start it itself. The service may write
 * nowhere but to its socket's folder and, when one is named, to the folder in which key sets are kept.
 *
 * `MemoryDenyWriteExecute` is missing on purpose: Node's compiler writes the code that it runs.
 *
 * @param user - the user that Kong's workers run as: only that user may open the socket
 * @see systemd.exec(5)
 */
export function unitFile({ node, command, socket }: Placement, user: string): string {
  const folder = dirname(socket);
  const isRuntimeFolder = folder === `/run/${RUNTIME_FOLDER}`;
  return [
    '# Written by `kong-jwt-identity install --systemd`.',
    '[Unit]',
    'Description=Plugin server of the Kong plugin jwt-identity',
    'Before=kong.service',
    'Wants=network-online.target',
    'After=network-online.target',
    // By default systemd gives up after five starts in ten seconds, and Kong would answer 500 until somebody comes.
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    `ExecStart=${node} ${command} serve --socket ${folder}/${basename(socket)} --take-over`,
    // Fetches all keys anew, for a key that has leaked.
    'ExecReload=/bin/kill -HUP $MAINPID',
    `User=${user}`,
    // A server that was taken over ends with 0. If it started again, the two would replace each other without end.
    'Restart=on-failure',
    'RestartSec=1s',
    'TimeoutStopSec=15s',
    'LimitNOFILE=65536',
    'UMask=0077',
    ...(isRuntimeFolder
      ? // Kept when the unit ends: the server that took over may have its socket there.
        [`RuntimeDirectory=${RUNTIME_FOLDER}`, 'RuntimeDirectoryMode=0700', 'RuntimeDirectoryPreserve=yes']
      : [`ReadWritePaths=${folder}`]),
    'NoNewPrivileges=yes',
    'CapabilityBoundingSet=',
    'ProtectSystem=strict',
    'ProtectHome=yes',
    'ProtectProc=invisible',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'PrivateDevices=yes',
    'PrivateTmp=yes',
    // AF_NETLINK: the C library asks the kernel for addresses when it resolves a name.
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
    'RestrictNamespaces=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'LockPersonality=yes',
    'SystemCallArchitectures=native',
    'SystemCallFilter=@system-service',
    'SystemCallErrorNumber=EPERM',
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}
