"""What happens to a site in an experiment.  Each is done through the public API, and marked when it was seen."""

import time
from dataclasses import dataclass
from typing import Any

from aftershock.sites.story import fetch

from .account import is_of
from .experiment import Deploy, Event, Experiment, Quake, Reserve, Spike, StopAndStart, Terminate
from .parameters import given
from .scene import Scene
from .site import ASK_EVERY_S, NotInTime, Site
from .watch import Watch

SERVED_WITHIN_S = 60.0
STEADY_NOMINAL_S = 120.0  # two of the alarm's minutes: a group that wanted more would have asked for it
SLACK_S = 60.0  # for the machines' own time, beside the region's


@dataclass(frozen=True, slots=True)
class Happened:
    """Moments of the watch."""

    begin_s: float
    over_s: float  # it was done, or taken back
    good_s: float  # what it had done to the site was made good


def happen(experiment: Experiment, site: Site, watch: Watch) -> Happened:
    """
    Raises:
        NotInTime, DeploymentError: what should have followed did not.
    """
    event: Event = experiment.said.event
    match event:
        case StopAndStart():
            return _stop_and_start(event, site, watch)
        case Deploy():
            return _deploy(experiment, event, site, watch)
        case Terminate():
            return _terminate(experiment, event, site, watch)
        case Spike():
            return _spike(event, site, watch)
        case Quake():
            return _quake(event, site, watch)
        case Reserve():
            return _reserve(event, site, watch)


def _stop_and_start(event: StopAndStart, site: Site, watch: Watch) -> Happened:
    ec2, instance = site.clients("ec2"), site.stack.physical_id(event.resource)
    begin = watch.mark(f"{event.resource} is stopped")
    ec2.stop_instances(InstanceIds=[instance])
    _wait_state(site, ec2, instance, "stopped")
    watch.mark(f"{event.resource} is started")
    ec2.start_instances(InstanceIds=[instance])
    return _served_again(site, watch, begin)


def _deploy(experiment: Experiment, event: Deploy, site: Site, watch: Watch) -> Happened:
    begin = watch.mark(f"the stack is updated to {event.template}")
    parameters = given(experiment.said, site) | event.parameters
    site.stack.deploy(experiment.template(event.template), parameters)
    return _served_again(site, watch, begin)


def _terminate(experiment: Experiment, event: Terminate, site: Site, watch: Watch) -> Happened:
    instance = site.stack.physical_id(event.resource)
    begin = watch.now_s()
    if event.leaves:
        watch.mark(f"{event.resource} is taken out of {event.leaves}")
        _drain(site, site.stack.physical_id(event.leaves), instance)
    site.clients("ec2").terminate_instances(InstanceIds=[instance])
    watch.mark(f"{event.resource} is terminated")
    if event.then:
        template = experiment.template(experiment.said.template)
        site.stack.deploy(template, given(experiment.said, site) | event.then)
        over = watch.mark("the stack is updated to do without it")
    else:
        _wait_state(site, site.clients("ec2"), instance, "terminated")
        over = watch.mark("it is gone")
    return Happened(begin, over, over)


def _drain(site: Site, group: str, instance: str) -> None:
    elbv2, target = site.clients("elbv2"), [{"Id": instance}]
    elbv2.deregister_targets(TargetGroupArn=group, Targets=target)

    def missing(_: Scene) -> str | None:
        found = elbv2.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        states = [one["TargetHealth"]["State"] for one in found if one["Target"]["Id"] == instance]
        return f"{instance} is {states[0]}" if states else None

    site.wait(missing)


def _spike(event: Spike, site: Site, watch: Watch) -> Happened:
    group = site.scene().group
    if group is None:
        raise NotInTime("there is no group that could grow")
    least = group.least
    site.wait(lambda scene: _not_at(scene, least), site.paced(event.shrunk_within_s) + SLACK_S)
    with watch.crowd(event.visitors):
        begin = watch.mark(f"{event.visitors} more visitors come")
        within_s = site.paced(event.grown_within_s) + SLACK_S
        site.wait(lambda scene: None if _group_wants(scene) > least else "the group has not grown", within_s)
        watch.mark("the group grows")
        grown, good = _steady(site, watch)
        watch.look("With all the visitors")
        over = watch.mark(f"{grown} machines are in service; the {event.visitors} leave")
    within_s = site.paced(event.shrunk_within_s) + SLACK_S
    site.wait(lambda scene: _not_at(scene, least), within_s)
    site.wait(Scene.unsettled)
    watch.mark(f"{least} machines again")
    return Happened(begin, over, good)


def _not_at(scene: Scene, least: int) -> str | None:
    wanted = _group_wants(scene)
    return None if wanted == least else f"the group wants {wanted} machines, and not {least}"


def _steady(site: Site, watch: Watch) -> tuple[int, float]:
    """How many machines the group has when it wants no others any more, and since when it has them."""
    deadline = time.monotonic() + SLACK_S + site.paced(STEADY_NOMINAL_S)
    seen, since_s, missing = 0, watch.now_s(), ""
    while time.monotonic() < deadline:
        scene = site.scene()
        unsettled = scene.unsettled()
        if unsettled or _group_wants(scene) != seen:
            seen, since_s = _group_wants(scene), watch.now_s()
            missing = unsettled or missing
        elif watch.now_s() - since_s >= site.paced(STEADY_NOMINAL_S):
            return seen, since_s
        time.sleep(ASK_EVERY_S)
    raise NotInTime(f"the group does not come to rest: it wants {seen} machines; last {missing}")


def _quake(event: Quake, site: Site, watch: Watch) -> Happened:
    whole, asked = site.scene(), watch.now_s()
    site.hands.quake(event.zone)
    begin = watch.mark(f"{event.zone} loses its power", max(asked, watch.at_wall(_struck_at(site.clients("fis")))))
    try:
        return _shaken(event, site, watch, whole, begin)
    except NotInTime:
        site.hands.heal(event.zone)  # nobody is left in the dark by a claim that did not hold
        raise


def _shaken(event: Quake, site: Site, watch: Watch, whole: Scene, begin: float) -> Happened:
    site.wait(lambda scene: _noticed(scene, event.zone))
    watch.look("After the earthquake, as soon as the region had noticed")
    good: float | None = None
    if event.dark_s:
        time.sleep(max(0.0, begin + event.dark_s - watch.now_s()))
        over = watch.mark("the power comes back")
        site.hands.heal(event.zone)
        _served_again(site, watch, begin)
    else:
        site.wait(lambda scene: _made_good(scene, whole.serving, event.zone))
        good = over = watch.mark(f"{whole.serving} machines serve again, in the other zones")
        site.hands.heal(event.zone)
        watch.mark("the power comes back")
    site.wait(lambda scene: scene.unsettled() or _spread(scene, whole.zones_used))
    whole_s = watch.mark("all is as it was before")
    return Happened(begin, over, whole_s if good is None else good)


def _struck_at(fis: Any) -> float:
    """When the latest experiment that is under way began to act, on the wall clock."""
    running = [one for one in fis.list_experiments()["experiments"] if one["state"]["status"] == "running"]
    found = [fis.get_experiment(id=one["id"])["experiment"] for one in running]
    starts = [action["startTime"] for one in found for action in one["actions"].values() if "startTime" in action]
    return max((start.timestamp() for start in starts), default=0.0)


def _noticed(scene: Scene, zone: str) -> str | None:
    still = [machine.id for machine in scene.machines if machine.zone == zone and machine.serves]
    return f"{', '.join(still)} in {zone} still counts as serving" if still else None


def _made_good(scene: Scene, wanted: int, without: str) -> str | None:
    serving = [machine for machine in scene.machines if machine.serves and machine.zone != without]
    return None if len(serving) >= wanted else f"{len(serving)} of {wanted} machines serve outside of {without}"


def _spread(scene: Scene, zones: int) -> str | None:
    return None if scene.zones_used >= zones else f"machines serve in {scene.zones_used} of {zones} zones"


def _reserve(event: Reserve, site: Site, watch: Watch) -> Happened:
    ec2 = site.clients("ec2")
    held = ec2.describe_reserved_instances(Filters=[{"Name": "state", "Values": ["active"]}])["ReservedInstances"]
    if any(is_of(one, event) for one in held):
        begin = watch.mark(f"{event.count} {event.instance_type} are reserved already, since a story before")
        return Happened(begin, begin, begin)
    offered = ec2.describe_reserved_instances_offerings(
        InstanceType=event.instance_type,
        OfferingClass="standard",
        OfferingType=event.payment,
        ProductDescription="Linux/UNIX",
        MinDuration=event.duration_s,
        MaxDuration=event.duration_s,
        Filters=[{"Name": "scope", "Values": [event.scope]}],
    )["ReservedInstancesOfferings"]
    if not offered:
        raise NotInTime(f"no reservation of {event.instance_type} is offered")
    begin = watch.mark(f"{event.count} {event.instance_type} are reserved for a year")
    offering = offered[0]["ReservedInstancesOfferingId"]
    ec2.purchase_reserved_instances_offering(ReservedInstancesOfferingId=offering, InstanceCount=event.count)
    site.wait(lambda scene: None if scene.reserved >= event.count else "the reservation is not active yet")
    over = watch.mark("the reservation is active")
    return Happened(begin, over, over)


def _served_again(site: Site, watch: Watch, begin: float) -> Happened:
    """From here on until a visitor who comes now is served."""
    deadline = time.monotonic() + SERVED_WITHIN_S
    while fetch(site.access, f"http://{watch.host}/") is None:
        if time.monotonic() > deadline:
            raise NotInTime(f"http://{watch.host}/ is not served after {SERVED_WITHIN_S:.0f} s")
        time.sleep(ASK_EVERY_S)
    good = watch.mark("the page is served")
    return Happened(begin, good, good)


def _wait_state(site: Site, ec2: Any, instance: str, state: str) -> None:
    def missing(_: Scene) -> str | None:
        found = ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]["Name"]
        return None if found == state else f"{instance} is {found}"

    site.wait(missing, SERVED_WITHIN_S)


def _group_wants(scene: Scene) -> int:
    return scene.group.wanted if scene.group else 0
