"""What an experiment will do to a region, in a sentence for whoever is asked to let it."""

from .experiment import Deploy, Event, Experiment, Quake, Reserve, Spike, StopAndStart, Terminate


def intent(experiment: Experiment) -> str:
    said = experiment.said
    return (
        f"{said.template} is deployed; {said.load.visitors} visitors ask for its page all the time; then "
        f"{_happening(said.event)}."
    )


def _happening(event: Event) -> str:
    match event:
        case StopAndStart(resource=resource):
            return f"{resource} is stopped and started again"
        case Deploy(template=template):
            return f"the stack is updated to {template}"
        case Terminate(resource=resource, leaves=leaves):
            return f"{resource} is terminated" + (f", after {leaves} has drained it" if leaves else "")
        case Spike(visitors=visitors):
            return f"{visitors} more visitors come, and leave when the group has grown"
        case Quake(zone=zone, dark_s=dark_s):
            until = f"for {dark_s:g} s" if dark_s else "until the other zones have made good the loss"
            return f"{zone} loses its power, {until}"
        case Reserve(instance_type=instance_type, count=count):
            told = "reserved for a year, which only `aftershock reset` takes back"
            return f"unless they are already, {count} {instance_type} are {told}"
