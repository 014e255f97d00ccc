package cloudtrail

import (
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// objectOperation gives activities of Datastore Activity for S3's operations on objects; 0 for all others.
func objectOperation(name string) (int, string) {
	switch name {
	case "GetObject", "HeadObject", "GetObjectAcl", "GetObjectTagging", "GetObjectAttributes", "GetObjectLegalHold", "GetObjectRetention",
		"GetObjectTorrent", "GetObjectVersion", "GetObjectVersionAcl", "GetObjectVersionTagging":
		return 1, "Read"
	case "SelectObjectContent":
		return 4, "Query"
	case "PutObject", "CopyObject", "PostObject", "CompleteMultipartUpload", "CreateMultipartUpload", "UploadPart", "UploadPartCopy",
		"WriteGetObjectResponse":
		return 5, "Write"
	case "PutObjectAcl", "PutObjectTagging", "PutObjectLegalHold", "PutObjectRetention", "DeleteObjectTagging", "RestoreObject",
		"UpdateObjectEncryption", "RenameObject", "PutObjectVersionAcl", "PutObjectVersionTagging", "DeleteObjectVersionTagging":
		return 2, "Update"
	case "DeleteObject", "DeleteObjects", "DeleteObjectVersion", "AbortMultipartUpload":
		return 7, "Delete"
	case "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListParts", "ListMultipartUploads":
		return 8, "List"
	}
	return 0, ""
}

func (r *record) objectPlan() (plan, bool) {
	activity, name := objectOperation(r.operation)
	if activity == 0 && r.Doc.Str(r.eventCategory) == "Data" && r.arnOfType("AWS::S3::Object") >= 0 {
		activity, name = other, r.operation // an operation on objects that is newer than the table
	}
	p := plan{class: schemas.ClassDatastoreActivity, activity: activity, activityName: name, write: (*record).writeBucket}
	return p, activity != 0 && (r.Doc.Str(r.param("bucketName")) != "" || r.arnOfType("AWS::S3::Bucket") >= 0)
}

func (r *record) writeBucket() {
	r.Str("type", "Databucket")
	r.Int("type_id", 2)
	at := r.Open("databucket")
	r.Copy("name", r.param("bucketName"))
	arn := r.arnOfType("AWS::S3::Bucket")
	r.Copy("uid", arn)
	r.Str("type", "S3")
	r.Int("type_id", 1)
	file := r.Open("file")
	if key := r.param("key"); r.Doc.Str(key) != "" {
		r.Copy("name", key)
		r.Copy("path", key)
		r.Int("type_id", 1)
	}
	r.Close(file)
	r.Close(at)
	r.observeResources()
}

// itemOperation gives activities of Datastore Activity for DynamoDB's operations on items; 0 for all others.
func itemOperation(name string) (int, string) {
	switch name {
	case "GetItem", "BatchGetItem", "TransactGetItems":
		return 1, "Read"
	case "Query", "Scan", "ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction":
		return 4, "Query"
	case "PutItem", "BatchWriteItem", "TransactWriteItems":
		return 5, "Write"
	case "UpdateItem":
		return 2, "Update"
	case "DeleteItem":
		return 7, "Delete"
	}
	return 0, ""
}

func (r *record) itemPlan() (plan, bool) {
	activity, name := itemOperation(r.operation)
	p := plan{class: schemas.ClassDatastoreActivity, activity: activity, activityName: name, write: (*record).writeTable}
	return p, activity != 0 && (r.Doc.Str(r.param("tableName")) != "" || r.arnOfType("AWS::DynamoDB::Table") >= 0)
}

func (r *record) writeTable() {
	r.Str("type", "Table")
	r.Int("type_id", 3)
	at := r.Open("table")
	r.Copy("name", r.param("tableName"))
	r.Copy("uid", r.arnOfType("AWS::DynamoDB::Table"))
	r.Close(at)
	r.observeResources()
}

// observeResources adds the ARNs of a record whose class has no place for resources.
func (r *record) observeResources() {
	d := &r.Doc
	if d.Kind(r.resources) != ocsfjson.Array {
		return
	}
	for c := d.First(r.resources); c >= 0; c = d.Next(c) {
		r.Observe(ocsfjson.ResourceUID, "unmapped.resources[].ARN", d.Get(c, "ARN"))
	}
}
