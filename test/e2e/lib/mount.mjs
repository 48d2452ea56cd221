// Whether a test may mount a file system.
import { spawnSync } from 'node:child_process';

// In a chroot a namespace cannot be made private; nothing stays mounted in it.
const TRY_MOUNT = ['--mount', '--propagation', 'unchanged', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt && umount /mnt'];

export const mayMount = () => process.getuid() === 0 && spawnSync('unshare', TRY_MOUNT).status === 0;
