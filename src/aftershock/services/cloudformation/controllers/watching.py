"""The alarms that an operation of a stack hangs on, as CloudWatch shows them."""

from aftershock.services.cloudformation.rules import watching

from .work import Work


def broken(work: Work) -> str | None:
    """Why the operation is to be taken back, as its alarms stand now."""
    watch = work.stack.current.watch
    if watch is None or not watch.alarms:
        return None
    answer = work.ask(
        "cloudwatch",
        "DescribeAlarms",
        AlarmNames=[watching.name_of(arn) for arn, _ in watch.alarms],
        AlarmTypes=["MetricAlarm", "CompositeAlarm"],
    )
    known = {(one["AlarmArn"], kind): one for kind, part in watching.KINDS.items() for one in answer.get(part, [])}
    states = {one: known[one, kind]["StateValue"] for one, kind in watch.alarms if (one, kind) in known}
    return watching.why_back(watch, states)


def over(work: Work) -> bool:
    """Whether, all resources standing, nothing is watched any more."""
    watch, since = work.stack.current.watch, work.stack.deployed_at
    if watch is None or not watch.minutes:
        return True
    return since is not None and (work.call.now - since).total_seconds() >= work.clock.paced(watch.minutes * 60.0)
