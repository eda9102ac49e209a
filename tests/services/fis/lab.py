"""An account in which experiments are made: EC2 on its ground in memory, IAM, and Fault Injection Service between."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

from aftershock.aws.call import Call, Operation, Params, Result
from aftershock.engines.errors import EngineError
from aftershock.engines.network import Blackhole
from aftershock.gateway import Inside
from aftershock.services import ec2, fis, iam
from aftershock.services.cloudwatch import ALARM_STATE_TABLE
from aftershock.services.ec2.operations import zones
from aftershock.services.ec2.records.instance import INSTANCES
from aftershock.services.fis.controllers.commands import Commands
from aftershock.services.fis.controllers.effects import effects
from aftershock.services.fis.controllers.experiments import ExperimentController
from aftershock.wire import Models
from tests.services.ec2.compute import TABLES, Compute
from tests.services.ec2.ground import Machines, Routers
from tests.services.modelled import conforming, service_model

ACCOUNT = "123456789012"
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "fis.amazonaws.com"}, '
    '"Action": "sts:AssumeRole"}]}'
)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/shaker"
ALARM = f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:too-much"
MODELS = Models()  # of AWS's services: the same for all accounts
POWER = "aftershock:zone:power-interruption"
WAIT = {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}


class RunningMachines(Machines):
    """Machines in which programs can be run; what is run is kept, and `deaf` ones refuse."""

    def __init__(self, lab: "Lab") -> None:
        super().__init__(lab.ground)
        self._lab = lab

    async def run_inside(self, name: str, argv: Sequence[str], *, timeout_s: float) -> str:
        if name in self._lab.deaf:
            raise EngineError(f"{name} is deaf")
        self._lab.ran.append((name, tuple(argv)))
        return ""


class HoledRouters(Routers):
    def __init__(self, lab: "Lab") -> None:
        super().__init__(lab.ground)
        self._holes = lab.holes

    async def ensure_blackhole(self, netns: str, name: str, blackhole: Blackhole) -> None:
        self._holes[netns, name] = blackhole

    async def remove_blackhole(self, netns: str, name: str) -> None:
        self._holes.pop((netns, name), None)


class Lab(Compute):
    tables: ClassVar[list[Any]] = [*TABLES, *iam.TABLES, *fis.TABLES]

    def __init__(self, path: Path) -> None:
        self.alarms: dict[str, str] = {}
        self.ran: list[tuple[str, tuple[str, ...]]] = []
        self.deaf: set[str] = set()
        self.holes: dict[tuple[str, str], Blackhole] = {}
        self._fis: fis.Outside | None = None
        super().__init__(path)
        services: dict[str, Any] = {}
        inside = Inside(
            store=self.store, models=MODELS, services=services, clock=self.clock, region="us-east-1", account=ACCOUNT
        )
        ask = inside.of("fis", role="AWSServiceRoleForFIS")
        self._fis = fis.Outside(
            ask=ask,
            may_assume=lambda tx, account, arn: iam.service_may_assume(tx, account, arn, "fis.amazonaws.com"),
            outages=fis.Outages(
                begin=ec2.begin_outage,
                disrupt=ec2.begin_disruption,
                end=ec2.end_outages,
                seen=ec2.outage,
                tables=ec2.OUTAGE_TABLES,
            ),
            instance_table=INSTANCES.name,
            alarm_table=ALARM_STATE_TABLE,
        )
        services |= {
            "ec2": fis.under_faults("ec2", {**self._operations, **zones.OPERATIONS}),
            "iam": iam.OPERATIONS,
            "fis": fis.operations(self._fis),
            "cloudwatch": {"DescribeAlarms": self._describe_alarms},
        }
        self.services: dict[str, dict[str, Operation]] = services
        self.ask = ask
        self.ask("iam", "CreateRole", {"RoleName": "shaker", "AssumeRolePolicyDocument": TRUST})

    def controllers(self, ground: Any = None) -> list[Any]:
        found = super().controllers(ground)
        if self._fis is None:
            return found
        machines: Any = RunningMachines(self)
        network: Any = HoledRouters(self)
        command = Commands(self._fis.ask, self.clock, machines, network)
        effect_of = effects(self._fis, self.store, self.clock, command)
        return [*found, ExperimentController(self.store, self.clock, self._fis, effect_of)]

    def _describe_alarms(self, call: Call, params: Params) -> Result:
        names = [name for name in self.alarms if name in params["AlarmNames"]]
        return {"MetricAlarms": [{"AlarmName": name, "StateValue": self.alarms[name]} for name in names]}

    def fis(self, operation: str, **params: Any) -> dict[str, Any]:
        """As a client calls it; the answer is held against the model."""
        self.now += timedelta(seconds=1)
        result = self.ask("fis", operation, params)
        shape = service_model("fis").operation_model(operation).output_shape
        checked: dict[str, Any] = conforming(shape, result)
        return checked

    def template(self, actions: dict[str, Any] | None = None, targets: Any = None, **params: Any) -> str:
        made = len(self.fis("ListExperimentTemplates")["experimentTemplates"])
        asked = {
            "clientToken": f"template-{made}-{self.now.timestamp()}",
            "description": "a test",
            "stopConditions": [{"source": "none"}],
            "roleArn": ROLE,
            "actions": actions if actions is not None else {"wait": WAIT},
            **({"targets": targets} if targets else {}),
            **params,
        }
        return str(self.fis("CreateExperimentTemplate", **asked)["experimentTemplate"]["id"])

    def start(self, template: str, **params: Any) -> str:
        token = f"start-{len(self.fis('ListExperiments')['experiments'])}"
        started = self.fis("StartExperiment", clientToken=token, experimentTemplateId=template, **params)
        return str(started["experiment"]["id"])

    def began(self, *args: Any, **params: Any) -> str:
        """An experiment that was started from such a template, as far as it comes by itself."""
        experiment = self.start(self.template(*args, **params))
        self.settle()
        return experiment

    def experiment(self, experiment: str) -> dict[str, Any]:
        return dict(self.fis("GetExperiment", id=experiment)["experiment"])

    def state(self, key: str) -> str:
        """Of an experiment, or of an instance."""
        return str(self.experiment(key)["state"]["status"]) if key.startswith("EXP") else super().state(key)

    def actions(self, experiment: str) -> dict[str, str]:
        return {name: one["state"]["status"] for name, one in self.experiment(experiment)["actions"].items()}

    def later(self, seconds: float) -> None:
        """Time goes by, and everybody looks."""
        self.now += timedelta(seconds=seconds)
        self.settle()


def instances(ids: Iterable[str], selection: str = "ALL") -> dict[str, Any]:
    arns = [f"arn:aws:ec2:us-east-1:{ACCOUNT}:instance/{one}" for one in ids]
    return {"them": {"resourceType": "aws:ec2:instance", "resourceArns": arns, "selectionMode": selection}}


def act(action: str, **parameters: str) -> dict[str, Any]:
    return {"act": {"actionId": action, "parameters": parameters, "targets": {"Instances": "them"}}}


def power(zone: str = "us-east-1a", duration: str = "PT10M") -> dict[str, Any]:
    return {"power": {"actionId": POWER, "parameters": {"availabilityZoneIdentifier": zone, "duration": duration}}}
