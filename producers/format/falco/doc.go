// Package falco reads the alerts of Falco, as it writes them with json_output and as Falcosidekick passes them on, into Detection Finding
// (2004).
//
//	time                        time in ms; where it is missing, output_fields' evt.time
//	uuid                        metadata.uid, where Falcosidekick gave one
//	rule                        finding_info.title, finding_info.analytic.name
//	priority                    severity_id: Emergency, Alert and Critical are Critical, Error is High, Warning Medium, Notice Low, Informational
//	                            and Debug Informational; the word itself is metadata.log_level
//	output                      message
//	source                      metadata.log_provider
//	tags                        metadata.labels; mitre_… and T1234.001 are finding_info.attacks[]
//	hostname                    device.hostname
//
// Of output_fields, whose names have dots in them, evidences[0] and resources[] have:
//
//	proc.name, .pid, .cmdline   evidences[0].process: name, pid, cmd_line; proc.exepath is path, proc.cwd working_directory
//	proc.pname, .ppid, …        evidences[0].process.parent_process
//	user.name, user.uid         evidences[0].process.user; without a process evidences[0].user
//	fd.name                     evidences[0].file, if it is a path; of a connection the endpoints, where the next row has none
//	fd.cip, .cport, .sip, …     evidences[0].src_endpoint and .dst_endpoint, client and server
//	container.*                 evidences[0].container and resources[]: uid, name, image
//	k8s.pod.*, k8s.ns.name      resources[]
//	ka.*                        evidences[0].api.operation, .user, .src_endpoint and resources[], of audit events of Kubernetes
//	ct.*                        evidences[0].api, .user, .src_endpoint and cloud, of CloudTrail
//
// OCSF knows a process by its pid or another id. Where the alert tells no pid, the process has the id of the finding, its parent the same with
// /parent. <NA>, Falco's word for nothing, and the container id host count as absent.
//
// What is not named here stands under unmapped, and so do values that mapping changes.
package falco
