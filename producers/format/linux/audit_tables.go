package linux

import (
	"encoding/hex"
	"net/netip"
	"strings"
)

// What follows are tables in texts: number=name each.

const auditKinds = " 1005=USER 1006=LOGIN 1100=USER_AUTH 1101=USER_ACCT 1102=USER_MGMT 1103=CRED_ACQ 1104=CRED_DISP 1105=USER_START 1106=USER_END" +
	" 1107=USER_AVC 1108=USER_CHAUTHTOK 1109=USER_ERR 1110=CRED_REFR 1111=USYS_CONFIG 1112=USER_LOGIN 1113=USER_LOGOUT 1114=ADD_USER 1115=DEL_USER" +
	" 1116=ADD_GROUP 1117=DEL_GROUP 1118=DAC_CHECK 1119=CHGRP_ID 1120=TEST 1121=TRUSTED_APP 1122=USER_SELINUX_ERR 1123=USER_CMD 1124=USER_TTY" +
	" 1125=CHUSER_ID 1126=GRP_AUTH 1127=SYSTEM_BOOT 1128=SYSTEM_SHUTDOWN 1129=SYSTEM_RUNLEVEL 1130=SERVICE_START 1131=SERVICE_STOP 1132=GRP_MGMT" +
	" 1133=GRP_CHAUTHTOK 1134=MAC_CHECK 1135=ACCT_LOCK 1136=ACCT_UNLOCK 1137=USER_DEVICE 1138=SOFTWARE_UPDATE 1200=DAEMON_START 1201=DAEMON_END" +
	" 1202=DAEMON_ABORT 1203=DAEMON_CONFIG 1205=DAEMON_ROTATE 1206=DAEMON_RESUME 1300=SYSCALL 1302=PATH 1303=IPC 1304=SOCKETCALL 1305=CONFIG_CHANGE" +
	" 1306=SOCKADDR 1307=CWD 1309=EXECVE 1311=IPC_SET_PERM 1312=MQ_OPEN 1313=MQ_SENDRECV 1314=MQ_NOTIFY 1315=MQ_GETSETATTR 1316=KERNEL_OTHER" +
	" 1317=FD_PAIR 1318=OBJ_PID 1319=TTY 1320=EOE 1321=BPRM_FCAPS 1322=CAPSET 1323=MMAP 1324=NETFILTER_PKT 1325=NETFILTER_CFG 1326=SECCOMP" +
	" 1327=PROCTITLE 1328=FEATURE_CHANGE 1329=REPLACE 1330=KERN_MODULE 1331=FANOTIFY 1332=TIME_INJOFFSET 1333=TIME_ADJNTPVAL 1334=BPF" +
	" 1335=EVENT_LISTENER 1336=URINGOP 1337=OPENAT2 1400=AVC 1401=SELINUX_ERR 1403=MAC_POLICY_LOAD 1404=MAC_STATUS 1405=MAC_CONFIG_CHANGE" +
	" 1700=ANOM_PROMISCUOUS 1701=ANOM_ABEND 1702=ANOM_LINK 1703=ANOM_CREAT "

const syscalls64 = " 0=read 1=write 2=open 3=close 4=stat 5=fstat 6=lstat 21=access 41=socket 42=connect 43=accept 44=sendto 45=recvfrom 46=sendmsg 47=recvmsg" +
	" 49=bind 50=listen 56=clone 57=fork 58=vfork 59=execve 60=exit 62=kill 76=truncate 77=ftruncate 80=chdir 82=rename 83=mkdir 84=rmdir 85=creat" +
	" 86=link 87=unlink 88=symlink 89=readlink 90=chmod 91=fchmod 92=chown 93=fchown 94=lchown 101=ptrace 105=setuid 106=setgid 113=setreuid" +
	" 114=setregid 117=setresuid 119=setresgid 122=setfsuid 123=setfsgid 126=capset 132=utime 133=mknod 155=pivot_root 157=prctl 159=adjtimex" +
	" 161=chroot 163=acct 164=settimeofday 165=mount 166=umount2 167=swapon 169=reboot 170=sethostname 171=setdomainname 175=init_module" +
	" 176=delete_module 188=setxattr 189=lsetxattr 190=fsetxattr 191=getxattr 192=lgetxattr 193=fgetxattr 197=removexattr 198=lremovexattr" +
	" 199=fremovexattr 200=tkill 227=clock_settime 231=exit_group 234=tgkill 235=utimes 257=openat 258=mkdirat 259=mknodat 260=fchownat" +
	" 261=futimesat 262=newfstatat 263=unlinkat 264=renameat 265=linkat 266=symlinkat 267=readlinkat 268=fchmodat 269=faccessat 272=unshare" +
	" 280=utimensat 288=accept4 303=name_to_handle_at 304=open_by_handle_at 308=setns 310=process_vm_readv 311=process_vm_writev 313=finit_module" +
	" 316=renameat2 319=memfd_create 321=bpf 322=execveat 323=userfaultfd 332=statx 435=clone3 437=openat2 439=faccessat2 452=fchmodat2 "

const syscallsARM = " 5=setxattr 6=lsetxattr 7=fsetxattr 8=getxattr 14=removexattr 15=lremovexattr 16=fremovexattr 33=mknodat 34=mkdirat 35=unlinkat 36=symlinkat" +
	" 37=linkat 38=renameat 39=umount2 40=mount 45=truncate 46=ftruncate 48=faccessat 49=chdir 51=chroot 52=fchmod 53=fchmodat 54=fchownat" +
	" 55=fchown 56=openat 57=close 78=readlinkat 79=newfstatat 80=fstat 88=utimensat 91=capset 93=exit 94=exit_group 97=unshare 105=init_module" +
	" 106=delete_module 112=clock_settime 117=ptrace 129=kill 130=tkill 131=tgkill 142=reboot 143=setregid 144=setgid 145=setreuid 146=setuid" +
	" 147=setresuid 149=setresgid 151=setfsuid 152=setfsgid 161=sethostname 162=setdomainname 167=prctl 170=settimeofday 171=adjtimex 198=socket" +
	" 200=bind 201=listen 202=accept 203=connect 206=sendto 220=clone 221=execve 242=accept4 265=open_by_handle_at 268=setns" +
	" 270=process_vm_readv 271=process_vm_writev 273=finit_module 276=renameat2 279=memfd_create 280=bpf 281=execveat 291=statx 435=clone3" +
	" 437=openat2 439=faccessat2 452=fchmodat2 "

const syscalls32 = " 1=exit 2=fork 5=open 8=creat 9=link 10=unlink 11=execve 12=chdir 14=mknod 15=chmod 21=mount 23=setuid 26=ptrace 30=utime 33=access 37=kill" +
	" 38=rename 39=mkdir 40=rmdir 46=setgid 52=umount2 61=chroot 79=settimeofday 83=symlink 85=readlink 88=reboot 92=truncate 93=ftruncate 94=fchmod" +
	" 102=socketcall 120=clone 128=init_module 129=delete_module 182=chown 190=vfork 198=lchown 203=setreuid 207=fchown 208=setresuid 210=setresgid" +
	" 212=chown 213=setuid 214=setgid 226=setxattr 238=tkill 252=exit_group 270=tgkill 295=openat 296=mkdirat 298=fchownat 301=unlinkat" +
	" 302=renameat 303=linkat 304=symlinkat 306=fchmodat 320=utimensat 350=finit_module 353=renameat2 358=execveat 359=socket 361=bind" +
	" 362=connect 363=listen 364=accept4 "

// tables are the names of system calls by architecture, and those of types.
type tables struct{ amd64, arm64, i386, kinds map[string]string }

func newTables() *tables {
	return &tables{table(syscalls64), table(syscallsARM), table(syscalls32), table(auditKinds)}
}

func table(text string) map[string]string {
	m := make(map[string]string, 256)
	for entry := range strings.FieldsSeq(text) {
		n, name, _ := strings.Cut(entry, "=")
		m[n] = name
	}
	return m
}

// kind is the name of a type, which the kernel's own log and old versions of auditd give as a number.
func (t *tables) kind(s string) string {
	n := strings.TrimSuffix(strings.TrimPrefix(s, "UNKNOWN["), "]")
	if name := t.kinds[n]; name != "" && digits(n) == len(n) {
		return name
	}
	return s
}

// call is the name of a system call by its number and the architecture; "" if it is not known.
func (t *tables) call(arch, n string) string {
	if digits(n) != len(n) { // an interpreted log has names
		return n
	}
	switch arch {
	case "c000003e", "x86_64":
		return t.amd64[n]
	case "c00000b7", "aarch64":
		return t.arm64[n]
	case "40000003", "i386":
		return t.i386[n]
	}
	return ""
}

// socketAddress decodes the address in a SOCKADDR record; local is the path of a local socket.
func socketAddress(s string) (p peer, local string) {
	if inner, ok := strings.CutPrefix(s, "{"); ok {
		return interpretedAddress(inner)
	}
	b, err := hex.DecodeString(s)
	if err != nil || len(b) < 3 {
		return p, ""
	}
	switch family := int(b[0]) | int(b[1])<<8; {
	case family == 1:
		path, _, _ := strings.Cut(string(b[2:]), "\x00")
		if path == "" && len(b) > 3 { // abstract
			path = "@" + strings.TrimRight(string(b[3:]), "\x00")
		}
		return p, strings.ToValidUTF8(path, "\ufffd")
	case family == 2 && len(b) >= 8:
		p.ip = netip.AddrFrom4([4]byte(b[4:8])).String()
	case family == 10 && len(b) >= 24:
		p.ip = netip.AddrFrom16([16]byte(b[8:24])).Unmap().String()
	default:
		return p, ""
	}
	p.port = int64(b[2])<<8 | int64(b[3])
	return p, ""
}

// interpretedAddress reads what ausearch -i makes of an address: { saddr_fam=inet laddr=203.0.113.9 lport=443 }.
func interpretedAddress(s string) (p peer, local string) {
	for word := range strings.FieldsSeq(strings.TrimSuffix(s, "}")) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "laddr":
			p.ip = canonical(value)
		case "lport":
			p.setPort(value)
		case "path":
			local = value
		}
	}
	return p, local
}
