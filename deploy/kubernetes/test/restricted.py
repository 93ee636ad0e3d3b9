"""The `restricted` profile of the Pod Security Standards, `baseline` included, as Kubernetes 1.34
describes it: https://kubernetes.io/docs/concepts/security/pod-security-standards/.

Windows is left out, and so are exemptions: nothing here needs one.
"""

VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
    "persistentVolumeClaim", "projected", "secret",
}
SECCOMP = {"RuntimeDefault", "Localhost"}
APPARMOR = {None, "RuntimeDefault", "Localhost"}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_syncookies",
    "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
}


def violations(spec):
    """What is wrong with the specification of a pod; nothing if it may run."""
    found = []
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(field):
            found.append(field)
    security = spec.get("securityContext", {})
    for sysctl in security.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            found.append(f"sysctl {sysctl['name']}")
    for volume in spec.get("volumes", []):
        for kind in volume.keys() - {"name"} - VOLUMES:
            found.append(f"volume of kind {kind}")
    found += shared("pod", security)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field, []):
            found += in_container(container, security)
    return found


def shared(place, security):
    """Rules for fields that pods and containers both have."""
    found = []
    if security.get("runAsUser") == 0:
        found.append(f"{place}: runAsUser")
    options = security.get("seLinuxOptions", {})
    if options.get("type", "") not in SELINUX_TYPES or options.keys() & {"user", "role"}:
        found.append(f"{place}: seLinuxOptions")
    if security.get("appArmorProfile", {}).get("type") not in APPARMOR:
        found.append(f"{place}: appArmorProfile")
    return found


def in_container(container, of_pod):
    name, security = container["name"], container.get("securityContext", {})
    found = shared(name, security)
    if security.get("privileged"):
        found.append(f"{name}: privileged")
    if security.get("allowPrivilegeEscalation") is not False:
        found.append(f"{name}: allowPrivilegeEscalation")
    if security.get("procMount", "Default") != "Default":
        found.append(f"{name}: procMount")
    capabilities = security.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        found.append(f"{name}: capabilities.drop")
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        found.append(f"{name}: capabilities.add")
    if security.get("runAsNonRoot", of_pod.get("runAsNonRoot")) is not True:
        found.append(f"{name}: runAsNonRoot")
    seccomp = security.get("seccompProfile", of_pod.get("seccompProfile", {}))
    if seccomp.get("type") not in SECCOMP:
        found.append(f"{name}: seccompProfile")
    if any(port.get("hostPort") for port in container.get("ports", [])):
        found.append(f"{name}: hostPort")
    probes = [container.get(f"{kind}Probe", {}) for kind in ("startup", "liveness", "readiness")]
    hooks = list(container.get("lifecycle", {}).values())
    for action in (action for it in probes + hooks for action in it.values()):
        if isinstance(action, dict) and action.get("host"):
            found.append(f"{name}: host of a probe")
    return found
