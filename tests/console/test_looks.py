"""What is looked at: a stack that is gone is not forgotten, and not asked for again."""

from datetime import UTC, datetime, timedelta

from aftershock.console.looks import LOOKS

WHEN = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
(LOOK,) = (look for look in LOOKS if look.name == "stack_events")


class CloudFormation:
    """Tells the events of stacks, the newest first, and remembers whose were asked for."""

    def __init__(self):
        self.events, self.asked = {}, []

    def say(self, stack, status, *, part=None):
        at = WHEN + timedelta(seconds=sum(map(len, self.events.values())))
        one = {"StackId": stack, "PhysicalResourceId": part or stack, "ResourceStatus": status, "Timestamp": at}
        self.events.setdefault(stack, []).insert(0, one)

    def ask(self, service, operation, params):
        assert (service, operation) == ("cloudformation", "DescribeStackEvents")
        self.asked.append(params["StackName"])
        return {"StackEvents": [*self.events[params["StackName"]]]}

    def look(self, seen, *stacks):
        self.asked = []
        return LOOK.ask(self, seen | {"stacks": [{"StackId": stack} for stack in stacks]}, WHEN, 1.0)


def test_the_events_of_a_stack_that_is_gone_stay_and_are_asked_for_until_they_say_so():
    api = CloudFormation()
    api.say("web", "CREATE_COMPLETE")
    api.say("web", "DELETE_COMPLETE", part="i-1")  # a resource of it
    api.say("shop", "CREATE_COMPLETE")
    found = api.look({}, "web", "shop")
    assert sorted(api.asked) == ["shop", "web"]
    assert [one["StackId"] for one in found] == ["shop", "web", "web"], "the newest first"
    found = api.look({"stack_events": found}, "shop")
    assert sorted(api.asked) == ["shop", "web"], "its end is not told yet"
    api.say("web", "DELETE_COMPLETE")
    found = api.look({"stack_events": found}, "shop")
    assert found[0]["ResourceStatus"] == "DELETE_COMPLETE"
    found = api.look({"stack_events": found}, "shop")
    assert api.asked == ["shop"]
    assert [one["StackId"] for one in found].count("web") == 3
