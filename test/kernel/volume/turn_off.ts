/** In a guest: turns it off after so many milliseconds, as if the power failed. Nothing is written back. */
import koffi from 'koffi';

/** LINUX_REBOOT_CMD_POWER_OFF. */
const POWER_OFF = 0x4321fedc;
const reboot = koffi.load(null).func('reboot', 'int', ['int']);
setTimeout(() => reboot(POWER_OFF), Number(process.argv[2]));
