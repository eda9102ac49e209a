"""The instance types that the region knows, and what is true of each."""

from functools import lru_cache
from importlib.resources import files

import msgspec
from msgspec import Struct

from aftershock.aws.call import Result
from aftershock.aws.errors import AwsError

DEFAULT = "m1.small"  # AWS: RunInstances without a type asks for this one
# Every image here is amd64, and the machine's own processor runs it: types of another architecture run nothing.
ARCHITECTURES = ("x86_64",)
# The first generation runs Linux by paravirtualization alone, and every image here is of the other kind.
PARAVIRTUAL = frozenset({"c1", "m1", "m2", "t1"})


class CpuCredits(Struct, frozen=True):
    credits_per_hour: float
    max_credits: float
    baseline_percent_per_vcpu: float


class InstanceType(Struct, frozen=True):
    family: str
    size: str
    vcpu: int
    memory_mib: int
    arch: tuple[str, ...]
    network: str
    current_generation: bool
    free_tier: bool
    burstable: bool
    hypervisor: str
    bare_metal: bool
    max_enis: int
    ipv4_per_eni: int
    network_baseline_gbps: float
    network_peak_gbps: float
    storage: str | None = None
    instance_storage_gb: float | None = None
    ebs_baseline_mbps: int | None = None
    ebs_max_mbps: int | None = None
    cpu_credits: CpuCredits | None = None

    @property
    def name(self) -> str:
        return f"{self.family}.{self.size}"

    @property
    def runs_here(self) -> bool:
        """Whether an instance of it can be launched from some image of this region."""
        return not self.bare_metal and bool(set(self.arch) & set(ARCHITECTURES)) and self.family not in PARAVIRTUAL


class _Facts(Struct):
    instance_types: dict[str, InstanceType]


@lru_cache(maxsize=1)
def known() -> dict[str, InstanceType]:
    """All types of the data file; its own text names the sources."""
    return msgspec.json.decode(
        files("aftershock").joinpath("data/instance-types.json").read_bytes(), type=_Facts
    ).instance_types


def offered(name: str) -> InstanceType:
    """
    Raises:
        AwsError: Unsupported, for a type that AWS has and this region has not; InvalidParameterCombination, for one
            that runs no image of this region, as on AWS.
    """
    if name.partition(".")[0] in PARAVIRTUAL:  # saltstack/salt#26417
        raise AwsError(
            "InvalidParameterCombination",
            "Non-Windows instances with a virtualization type of 'hvm' are currently not supported for this instance "
            "type.",
        )
    found = known().get(name)
    if found is None or found.bare_metal:
        raise AwsError(
            "Unsupported",
            "The requested configuration is currently not supported. "
            f"Please check the documentation for supported configurations. (instance type {name})",
        )
    return found


def check_architecture(found: InstanceType, architecture: str) -> None:
    if architecture not in found.arch:
        raise AwsError(
            "InvalidParameterValue",
            f"The architecture '{','.join(found.arch)}' of the specified instance type does not match the "
            f"architecture '{architecture}' of the specified AMI. Specify an instance type and an AMI that have "
            "matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to "
            "discover the architecture of the instance type or AMI.",
        )


def view(found: InstanceType) -> Result:
    """In the words of `InstanceTypeInfo`; what the facts do not say is left out."""
    ebs: Result = {"EbsOptimizedSupport": "default" if found.ebs_max_mbps else "unsupported"}
    if found.ebs_max_mbps and found.ebs_baseline_mbps:
        ebs["EbsOptimizedInfo"] = {
            "BaselineBandwidthInMbps": found.ebs_baseline_mbps,
            "MaximumBandwidthInMbps": found.ebs_max_mbps,
        }
    shown: Result = {
        "InstanceType": found.name,
        "CurrentGeneration": found.current_generation,
        "FreeTierEligible": found.free_tier,
        "SupportedUsageClasses": ["on-demand"],
        "SupportedRootDeviceTypes": ["ebs"],
        "SupportedVirtualizationTypes": ["hvm"],
        "BareMetal": found.bare_metal,
        "ProcessorInfo": {"SupportedArchitectures": list(found.arch)},
        "VCpuInfo": {"DefaultVCpus": found.vcpu},
        "MemoryInfo": {"SizeInMiB": found.memory_mib},
        "InstanceStorageSupported": found.instance_storage_gb is not None,
        "EbsInfo": ebs,
        "NetworkInfo": {
            "NetworkPerformance": found.network,
            "MaximumNetworkInterfaces": found.max_enis,
            "Ipv4AddressesPerInterface": found.ipv4_per_eni,
        },
        "HibernationSupported": False,
        "BurstablePerformanceSupported": found.burstable,
        "DedicatedHostsSupported": False,
        "AutoRecoverySupported": False,
    }
    if not found.bare_metal:
        shown["Hypervisor"] = found.hypervisor
    if found.instance_storage_gb is not None:
        shown["InstanceStorageInfo"] = {"TotalSizeInGB": int(found.instance_storage_gb)}
    return shown
