"""Machines: sandboxed hosts with an init, a root disk, an address and limits of their own.

Runs them under runc and conmon, and says what runs, how it ended and what it said on its console.  Their networks
are made by others beforehand; what a machine is for is not known here.
"""

from aftershock.engines.machines.cgroups import Limits, Usage
from aftershock.engines.machines.machines import Machines, strike
from aftershock.engines.machines.spec import Bind, Ended, Exit, MachineSpec, Observed
from aftershock.engines.machines.watches import bootable

__all__ = ["Bind", "Ended", "Exit", "Limits", "MachineSpec", "Machines", "Observed", "Usage", "bootable", "strike"]
