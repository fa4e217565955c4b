"""Starts `lore mcp` as an agent's program does and prints what it saw, once
with the handshake of old and once with the newest revision of the protocol."""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters

server, asked = json.loads(sys.argv[1]), json.loads(sys.argv[2])


async def seen(mode):
    steps = []

    async def progress(done, total, message):
        steps.append((done, message))

    parameters = StdioServerParameters(**server)
    async with Client(parameters, mode=mode, read_timeout_seconds=60) as client:
        tools = (await client.list_tools()).tools
        templates = (await client.list_resource_templates()).resource_templates
        # The client holds each answer against the output schema of its tool.
        history = await client.call_tool(
            "file_history", {"path": asked["path"], "project": asked["project"]}
        )
        synced = await client.call_tool(
            "sync",
            {"merge_requests": [asked["merge_request"]], "project": asked["project"]},
            progress_callback=progress,
        )
        resource = await client.read_resource(asked["resource"])
        refused = await client.call_tool(
            "file_history", {"path": asked["path"], "project": "no/such"}
        )
        found = history.structured_content["data"]["merge_requests"]
        dones = [done for done, _ in steps]
        return {
            "protocol": client.protocol_version,
            "tools": sorted(tool.name for tool in tools),
            "read_only": sorted(t.name for t in tools if t.annotations.read_only_hint),
            "templates": len(templates),
            "found": [merge_request["iid"] for merge_request in found],
            "synced": synced.structured_content["data"]["run"]["completion_status"],
            "progress": len(dones) > 2 and dones == sorted(set(dones)),
            "resource": json.loads(resource.contents[0].text)["data"]["iid"],
            "refused": [
                refused.is_error,
                json.loads(refused.content[0].text)["error"]["code"],
            ],
        }


async def main():
    print(json.dumps([await seen("legacy"), await seen("auto")]))


asyncio.run(main())
