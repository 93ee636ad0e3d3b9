"""Every pod keeps the `restricted` profile, and more; and the profile is told from others."""

import copy

import pytest
from conftest import MODES, VALUES, overlay, overlay_with_git, pod
from restricted import violations


def strict(spec):
    """The profile, and what it leaves open: no writable root, no token, no environment, and
    nothing to write but the record."""
    found = violations(spec)
    for container in spec["containers"]:
        if container["securityContext"].get("readOnlyRootFilesystem") is not True:
            found.append(f"{container['name']}: writable root")
        if "memory" not in container["resources"]["limits"]:
            found.append(f"{container['name']}: no memory limit")
        if container["name"] == "conformd":
            writable = [it for it in container["volumeMounts"] if not it.get("readOnly")]
            places = [it["mountPath"] for it in writable]
            found += [f"conformd can write {it}" for it in places if it != "/var/lib/conformd"]
    if spec["automountServiceAccountToken"] is not False:
        found.append("a token of the cluster")
    return found


@pytest.mark.parametrize("name", VALUES)
def test_pods_of_the_chart_are_restricted(chart, name):
    assert strict(pod(chart.objects(name))) == []


@pytest.mark.parametrize("mode", MODES)
def test_pods_of_the_overlays_are_restricted(mode):
    assert strict(pod(overlay(mode))) == []


def test_the_pod_of_the_overlay_with_git_is_restricted(tmp_path):
    assert strict(pod(overlay_with_git(tmp_path, "sync"))) == []


# Each breaks one rule of the profile.
BREACHES = {
    "hostNetwork": lambda pod: pod.update(hostNetwork=True),
    "hostPID": lambda pod: pod.update(hostPID=True),
    "hostIPC": lambda pod: pod.update(hostIPC=True),
    "sysctl": lambda pod: pod["securityContext"].update(sysctls=[{"name": "kernel.msgmax"}]),
    "volume": lambda pod: pod["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
    "pod: runAsUser": lambda pod: pod["securityContext"].update(runAsUser=0),
    "pod: seLinux": lambda pod: pod["securityContext"].update(seLinuxOptions={"type": "spc_t"}),
    "pod: appArmor": lambda pod: pod["securityContext"].update(
        appArmorProfile={"type": "Unconfined"}
    ),
    "runAsNonRoot": lambda pod: pod["securityContext"].pop("runAsNonRoot"),
    "seccomp": lambda pod: pod["securityContext"].update(seccompProfile={"type": "Unconfined"}),
    "conformd: runAsUser": lambda pod: own(pod).update(runAsUser=0),
    "privileged": lambda pod: own(pod).update(privileged=True),
    "allowPrivilege": lambda pod: own(pod).pop("allowPrivilegeEscalation"),
    "procMount": lambda pod: own(pod).update(procMount="Unmasked"),
    "capabilities.drop": lambda pod: own(pod).update(capabilities={"drop": ["NET_RAW"]}),
    "capabilities.add": lambda pod: own(pod)["capabilities"].update(add=["SYS_ADMIN"]),
    "hostPort": lambda pod: pod["containers"][0]["ports"][0].update(hostPort=9464),
    "host of a probe": lambda pod: pod["containers"][0]["livenessProbe"]["httpGet"].update(
        host="169.254.169.254"
    ),
}


def own(pod):
    return pod["containers"][0]["securityContext"]


@pytest.mark.parametrize("rule", BREACHES)
def test_a_breach_of_the_profile_is_seen(chart, rule):
    spec = copy.deepcopy(pod(chart.objects("files")))
    BREACHES[rule](spec)
    found = violations(spec)
    assert found and all(rule.split(": ")[-1] in it for it in found), found
