"""An instance's traffic is counted where it passes."""

import asyncio
from pathlib import Path

from aftershock.engines.network.spec import port_device
from aftershock.services.ec2.metrics import wires
from tests.services.ec2.kernel.site import PORT, Site


def test_what_a_machine_sends_and_receives_is_counted_at_the_routers_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Site(tmp_path) as site:
            group_id = site.account.group()
            site.account.call(
                "AuthorizeSecurityGroupIngress",
                GroupId=group_id,
                IpPermissions=[
                    {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
                ],
            )
            web = await site.machine("web", group_ids=[group_id])
            other = await site.machine("other", group_ids=[group_id])
            before = await wires(web.vpc_id)
            assert await site.reach(other, web.private_ip) == other.private_ip
            after = await wires(web.vpc_id)
            device = port_device(web.id)
            assert after[device].packets_in > before[device].packets_in
            # The server says whom it sees: at least that much has left it.
            assert after[device].bytes_out - before[device].bytes_out > len(other.private_ip)

    asyncio.run(scenario())
