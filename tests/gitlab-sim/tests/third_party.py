"""Reads a GitLab through python-gitlab and prints what it saw as JSON."""

import json
import os
import sys

import gitlab

url, token, project_id, path = sys.argv[1:5]
gl = gitlab.Gitlab(url, private_token=token, per_page=7, keep_base_url=True)
gl.auth()
project = gl.projects.get(path)
by_id = gl.projects.get(int(project_id))


def iids(items):
    return [item.iid for item in items]


def walk(manager, **query):
    return iids(manager.list(iterator=True, scope="all", **query))


seen = {
    "user": gl.user.username,
    "version": gl.version()[0],
    "same_project": project.id == by_id.id,
    "found": [p.id for p in gl.projects.list(iterator=True, search="app", membership=True)],
    "issues": walk(project.issues, state="all", order_by="updated_at", sort="asc"),
    "issues_keyset": walk(
        project.issues, order_by="updated_at", sort="asc", pagination="keyset"
    ),
    "issues_opened": walk(project.issues, state="opened"),
    "issues_since": walk(project.issues, updated_after=os.environ["SINCE"]),
    "issues_total": project.issues.list(iterator=True, scope="all").total,
    "issues_by_iid": walk(project.issues, iids=[1, 2, 3]),
    "merge_requests": walk(
        project.mergerequests, state="all", order_by="created_at", sort="desc"
    ),
    "merged": walk(project.mergerequests, state="merged"),
    "labels": sorted(l.name for l in project.labels.list(get_all=True)),
    "milestones": sorted(
        m.title for m in project.milestones.list(get_all=True, include_ancestors=True)
    ),
    "items": [],
}

for kind, manager in (("issue", project.issues), ("merge_request", project.mergerequests)):
    for iid in walk(manager, state="all"):
        item = manager.get(iid)
        entry = {
            "kind": kind,
            "iid": iid,
            "title": item.title,
            "notes": sorted(
                note["id"]
                for discussion in item.discussions.list(iterator=True)
                for note in discussion.attributes["notes"]
            ),
            "labels": [e.id for e in item.resourcelabelevents.list(get_all=True)],
            "states": [e.state for e in item.resourcestateevents.list(get_all=True)],
            "milestones": [e.id for e in item.resourcemilestoneevents.list(get_all=True)],
        }
        if kind == "merge_request":
            entry["closes"] = sorted(str(i.id) for i in item.closes_issues(get_all=True))
            entry["versions"] = [v.id for v in item.diffs.list(get_all=True)]
            entry["changes"] = [c["new_path"] for c in item.changes()["changes"]]
            entry["commits"] = [c.id for c in item.commits()]
        seen["items"].append(entry)

try:
    project.issues.get(987654)
except gitlab.GitlabGetError as error:
    seen["missing"] = [error.response_code, error.error_message]
try:
    gitlab.Gitlab(url, private_token="nonsense").auth()
except gitlab.GitlabAuthenticationError as error:
    seen["refused"] = error.response_code

json.dump(seen, sys.stdout)
