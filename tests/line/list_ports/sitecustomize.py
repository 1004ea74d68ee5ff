"""In a folder of PYTHONPATH: the serial ports of this computer are those in the file that the
environment variable ``SERIAL_PORTS`` names. Each is an object with fields of pyserial's
``ListPortInfo``."""

import json
import os
from pathlib import Path

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo


def comports(include_links: bool = False) -> list[ListPortInfo]:
    """Stands for the function of that name."""
    ports = []
    for fields in json.loads(Path(os.environ["SERIAL_PORTS"]).read_text()):
        port = ListPortInfo(fields["device"])
        vars(port).update(fields)
        port.apply_usb_info()
        ports.append(port)
    return ports


list_ports.comports = comports
