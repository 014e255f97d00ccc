package guardduty

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// A kind says how one sort of resource stands in a finding: the member with its details, its type, and where its uid and its name are.
type kind struct{ details, typ, uid, name string }

func kinds() [12]kind {
	return [...]kind{
		{"instanceDetails", "AWS::EC2::Instance", "", "instanceId"},
		{"accessKeyDetails", "AWS::IAM::AccessKey", "accessKeyId", "userName"},
		{"s3BucketDetails", "AWS::S3::Bucket", "arn", "name"},
		{"eksClusterDetails", "AWS::EKS::Cluster", "arn", "name"},
		{"ecsClusterDetails", "AWS::ECS::Cluster", "arn", "name"},
		{"containerDetails", "Container", "id", "name"},
		{"lambdaDetails", "AWS::Lambda::Function", "functionArn", "functionName"},
		{"rdsDbInstanceDetails", "AWS::RDS::DBInstance", "dbInstanceArn", "dbInstanceIdentifier"},
		{"rdsLimitlessDbDetails", "AWS::RDS::DBShardGroup", "dbShardGroupArn", "dbShardGroupIdentifier"},
		{"ebsSnapshotDetails", "AWS::EC2::Snapshot", "snapshotArn", ""},
		{"ec2ImageDetails", "AWS::EC2::Image", "imageArn", ""},
		{"recoveryPointDetails", "AWS::Backup::RecoveryPoint", "recoveryPointArn", "backupVaultName"},
	}
}

// writeResources writes the resources: first the one that resourceType names.
func (r *finding) writeResources() {
	w := &resources{finding: r, list: r.List("resources")}
	main := r.str(r.resource, "resourceType") + "Details"
	if main == "S3ObjectDetails" {
		main = "S3BucketDetails"
	}
	all := kinds()
	for pass := range 2 {
		for _, k := range all {
			if primary := len(main) == len(k.details) && same(main, k.details); primary == (pass == 0) {
				w.role = 0
				if primary {
					w.role = roleID(r.str(r.service, "resourceRole"))
				}
				w.details(k)
			}
		}
	}
	w.role = 0
	w.workload(r.at(r.resource, "kubernetesDetails", "kubernetesWorkloadDetails"))
	for _, name := range [...]string{"scannedVolumeDetails", "skippedVolumeDetails"} {
		r.each(r.at(r.resource, "ebsVolumeDetails", name), func(v node) {
			w.write(kind{"", "AWS::EC2::Volume", "volumeArn", ""}, v)
		})
	}
	w.affected(r.at(r.action, "awsApiCallAction", "affectedResources"))
	r.each(r.at(r.service, "detection", "sequence", "resources"), w.sequence)
	r.Close(w.list)
}

func roleID(role string) int {
	switch role {
	case "TARGET":
		return 1
	case "ACTOR":
		return 2
	}
	return 0
}

// resources counts elements, since observables say where they stand.
type resources struct {
	*finding
	list, n, role int
}

// details writes the resource or the resources of one kind.
func (w *resources) details(k kind) {
	n := w.get(w.resource, k.details)
	if w.Doc.Kind(n) == ocsfjson.Array {
		w.each(n, func(one node) { w.write(k, one) })
		return
	}
	w.write(k, n)
}

// write writes a resource, with its details whole in data. One that names itself in no way stays unmapped.
func (w *resources) write(k kind, n node) {
	uid, name := w.get(n, k.uid), w.get(n, k.name)
	if w.Doc.Str(uid) == "" && w.Doc.Str(name) == "" {
		return
	}
	path := fmt.Sprintf("resources[%d]", w.n)
	at := w.Open("")
	switch {
	case w.Copy("uid", uid):
		w.named(path, w.Doc.Str(uid))
	case k.typ == "AWS::EC2::Instance":
		arn := w.arn("ec2", "instance/"+w.Doc.Str(name))
		w.Str("uid", arn)
		w.named(path, arn)
		w.Copy("uid_alt", name)
		w.Observe(ocsfjson.ResourceUID, path+".uid_alt", name)
	}
	w.Copy("name", name)
	w.Str("type", k.typ)
	if w.region != "" {
		w.Str("region", w.region)
	}
	switch w.role {
	case 1:
		w.Lit(`"role":"Target","role_id":1`)
	case 2:
		w.Lit(`"role":"Actor","role_id":2`)
	}
	w.millis("created_time", w.get(n, "createdAt"))
	w.tags(w.get(n, "tags"))
	w.observeCards(path, n)
	w.MoveAny("data", n)
	w.Close(at)
	w.n++
}

// arn builds the ARN of a thing of which the finding tells the id.
func (w *resources) arn(service, id string) string {
	if w.region == "" || w.account == "" {
		return id[strings.IndexByte(id, '/')+1:]
	}
	return strings.Join([]string{"arn", w.partition, service, w.region, w.account, id}, ":")
}

func (w *resources) named(path, uid string) {
	w.ObserveText(ocsfjson.ResourceUID, path+".uid", uid)
	if w.KeyResource == "" {
		w.KeyResource = strings.Clone(uid)
	}
}

// tags writes tags, which the details have as a list of key and value.
func (w *resources) tags(tags node) {
	list := w.List("tags")
	w.each(tags, func(t node) {
		if w.str(t, "key") == "" || w.Doc.Kind(w.get(t, "value")) != ocsfjson.String {
			return
		}
		at := w.Open("")
		w.Copy("name", w.get(t, "key"))
		w.Raw("value", w.Doc.Raw(w.get(t, "value")))
		w.Close(at)
	})
	w.Close(list)
}

// observeCards adds the addresses of an instance.
func (w *resources) observeCards(path string, n node) {
	i := 0
	w.each(w.get(n, "networkInterfaces"), func(card node) {
		at := fmt.Sprintf("%s.data.networkInterfaces[%d].", path, i)
		i++
		for _, name := range [...]string{"privateIpAddress", "publicIp"} {
			w.ObserveText(ocsfjson.IPAddress, at+name, envelope.IP(w.str(card, name)))
		}
	})
}

// workload writes what runs on Kubernetes.
func (w *resources) workload(n node) {
	if w.str(n, "name") == "" && w.str(n, "uid") == "" {
		return
	}
	at := w.Open("")
	if w.Copy("uid", w.get(n, "uid")) {
		w.named(fmt.Sprintf("resources[%d]", w.n), w.str(n, "uid"))
	}
	w.Copy("name", w.get(n, "name"))
	w.Copy("type", w.get(n, "type"))
	w.Copy("namespace", w.get(n, "namespace"))
	w.MoveAny("data", n)
	w.Close(at)
	w.n++
}

// affected writes what a call was about, which a finding has as an object of types and ARNs or names.
func (w *resources) affected(n node) {
	if w.Doc.Kind(n) != ocsfjson.Object {
		return
	}
	for c := w.Doc.First(n); c >= 0; c = w.Doc.Next(c) {
		if w.Doc.Str(c) == "" {
			continue
		}
		at := w.Open("")
		w.Move("uid", c)
		w.named(fmt.Sprintf("resources[%d]", w.n), w.Doc.Str(c))
		w.Raw("type", `"`+w.Doc.RawKey(c)+`"`)
		w.Lit(`"role":"Affected","role_id":3`)
		w.Close(at)
		w.n++
	}
}

// sequence writes one resource of an attack sequence.
func (w *resources) sequence(n node) {
	if w.str(n, "uid") == "" && w.str(n, "name") == "" {
		return
	}
	at := w.Open("")
	if w.Move("uid", w.get(n, "uid")) {
		w.named(fmt.Sprintf("resources[%d]", w.n), w.str(n, "uid"))
	}
	w.Move("name", w.get(n, "name"))
	if typ := sequenceType(w.str(n, "resourceType")); typ != "" {
		w.Str("type", typ)
	} else {
		w.Move("type", w.get(n, "resourceType"))
	}
	w.Move("region", w.get(n, "region"))
	w.Move("cloud_partition", w.get(n, "cloudPartition"))
	if account := w.get(n, "accountId"); w.Doc.Str(account) != "" {
		owner := w.Open("owner")
		in := w.Open("account")
		w.Move("uid", account)
		w.Close(in)
		w.Close(owner)
	}
	w.tags(w.get(n, "tags"))
	w.MoveAny("data", w.get(n, "data"))
	w.Close(at)
	w.n++
}

// sequenceType gives the type that other findings and logs give to such a resource.
func sequenceType(t string) string {
	switch t {
	case "EC2_INSTANCE":
		return "AWS::EC2::Instance"
	case "EC2_NETWORK_INTERFACE":
		return "AWS::EC2::NetworkInterface"
	case "EC2_IMAGE":
		return "AWS::EC2::Image"
	case "EC2_LAUNCH_TEMPLATE":
		return "AWS::EC2::LaunchTemplate"
	case "EC2_VPC":
		return "AWS::EC2::VPC"
	case "S3_BUCKET":
		return "AWS::S3::Bucket"
	case "S3_OBJECT":
		return "AWS::S3::Object"
	case "ACCESS_KEY":
		return "AWS::IAM::AccessKey"
	case "IAM_INSTANCE_PROFILE":
		return "AWS::IAM::InstanceProfile"
	case "EKS_CLUSTER":
		return "AWS::EKS::Cluster"
	case "ECS_CLUSTER":
		return "AWS::ECS::Cluster"
	case "ECS_TASK":
		return "AWS::ECS::Task"
	case "AUTOSCALING_AUTO_SCALING_GROUP":
		return "AWS::AutoScaling::AutoScalingGroup"
	case "CLOUDFORMATION_STACK":
		return "AWS::CloudFormation::Stack"
	case "CONTAINER":
		return "Container"
	}
	return ""
}
