// The RP2040's boot ROM as far as firmware calls it (datasheet 2.8.3), so that no copy of the real one
// is needed. Each function is a breakpoint, at which JavaScript does the work.
import { fault } from './chip.js';

const LOOK_UP = 0x18; // where the ROM has the address of its look-up function
const FIRST = 0x100; // where our functions begin
const FUNCTION = 0x4770be00; // BKPT #0; BX LR
const THUMB = 1;

// `leave` is called when the firmware starts the USB bootloader.
export function putBootRom(chip, leave) {
  const { core, bootrom } = chip;
  const nothing = () => 0; // the flash is plain memory here, which is always ready to be read
  const functions = { UB: leave, IF: nothing, EX: nothing, FC: nothing };
  const names = []; // by the number of the breakpoint

  function addressOf(name) {
    if (!names.includes(name)) names.push(name);
    const number = names.indexOf(name);
    bootrom[FIRST / 4 + number] = FUNCTION | number;
    return (FIRST + 4 * number) | THUMB;
  }

  // Of a table and two letters: the address of the function of that name, 0 for what is no name.
  functions.lookUp = (_, letters) => {
    const name = String.fromCharCode(letters & 0xff, letters >>> 8);
    return /^[A-Z][A-Z0-9]$/.test(name) ? addressOf(name) : 0;
  };

  bootrom[LOOK_UP / 4] = addressOf('lookUp');
  chip.onBreak = (number) => {
    if (core.PC !== FIRST + 4 * number + 2) fault(chip, `breakpoint ${number}`);
    const work = functions[names[number]];
    if (!work) fault(chip, `the boot ROM's function ${names[number]} is not emulated`);
    core.registers[0] = work(core.registers[0], core.registers[1]);
  };
}
