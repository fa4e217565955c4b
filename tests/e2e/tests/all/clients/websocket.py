"""Talks to lored over a WebSocket on its Unix socket and prints what it saw."""

import json
import sys

from websockets.sync.client import unix_connect

path, asked = sys.argv[1], json.loads(sys.argv[2])
events = []
last_id = 0


def receive(socket):
    message = json.loads(socket.recv(timeout=60))
    if message.get("method") == "jobs.event":
        events.append(message["params"]["result"])
    return message


def ask(socket, method, **params):
    """The reply; events that come before it are kept."""
    global last_id
    last_id += 1
    call = {"jsonrpc": "2.0", "id": last_id, "method": method, "params": params}
    socket.send(json.dumps(call))
    while (message := receive(socket)).get("id") != last_id:
        pass
    return message


def follow(socket, job):
    """All events of a job, to its end."""
    ask(socket, "jobs.subscribe", job_id=job)
    while True:
        mine = [event for event in events if event["job_id"] == job]
        if mine and mine[-1]["kind"] == "finished":
            return mine
        receive(socket)


def start(socket, iid):
    sync = ask(socket, "sync.start", project=asked["project"], merge_requests=[iid])
    return sync["result"]["job_id"]


with unix_connect(path, uri="ws://localhost/") as socket:
    where = {"path": asked["path"], "project": asked["project"]}
    history = ask(socket, "fileHistory.get", **where)["result"]
    synced = follow(socket, start(socket, asked["merge_request"]))
    held = start(socket, asked["held"])
    assert ask(socket, "jobs.cancel", job_id=held)["result"]["cancelled"]
    unknown = ask(socket, "no.such")["error"]
    refused = ask(socket, "fileHistory.get", path=asked["path"], project="no/such")["error"]
    socket.ping().wait(60)
    seen = {
        "version": ask(socket, "daemon.status")["result"]["version"],
        "found": [found["iid"] for found in history["data"]["merge_requests"]],
        "synced": synced[-1]["state"],
        "kinds": [event["kind"] for event in synced],
        "cancelled": follow(socket, held)[-1]["state"],
        "unknown": [unknown["code"], unknown["data"]["code"]],
        "refused": refused["data"]["code"],
    }

json.dump(seen, sys.stdout)
