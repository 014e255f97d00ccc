//go:build integration

package catalog_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
)

func (w *world) rds(t *testing.T) *rds.Client {
	t.Helper()
	return must(w.RDS(t.Context(), w.account, region))(t)
}

// database makes a DB instance.
func database(change func(*rds.CreateDBInstanceInput)) func(*testing.T, *world) string {
	return func(t *testing.T, w *world) string {
		t.Helper()
		in := &rds.CreateDBInstanceInput{
			DBInstanceIdentifier: aws.String("orders"), DBInstanceClass: aws.String("db.t3.micro"), Engine: aws.String("postgres"), AllocatedStorage: aws.Int32(20),
			MasterUsername: aws.String("root"), MasterUserPassword: aws.String("not-a-secret"), BackupRetentionPeriod: aws.Int32(0), AutoMinorVersionUpgrade: aws.Bool(false),
			PubliclyAccessible: aws.Bool(false), DeletionProtection: aws.Bool(false), CopyTagsToSnapshot: aws.Bool(false),
		}
		if change != nil {
			change(in)
		}
		return *must(w.rds(t).CreateDBInstance(t.Context(), in))(t).DBInstance.DBInstanceArn
	}
}

func removeDatabase(t *testing.T, w *world, _ string) {
	t.Helper()
	api, name := w.rds(t), aws.String("orders")
	must(api.ModifyDBInstance(t.Context(), &rds.ModifyDBInstanceInput{DBInstanceIdentifier: name, DeletionProtection: aws.Bool(false)}))(t)
	must(api.DeleteDBInstance(t.Context(), &rds.DeleteDBInstanceInput{DBInstanceIdentifier: name, SkipFinalSnapshot: aws.Bool(true)}))(t)
}

// databases makes a DB cluster.
func databases(change func(*rds.CreateDBClusterInput)) func(*testing.T, *world) string {
	return func(t *testing.T, w *world) string {
		t.Helper()
		in := &rds.CreateDBClusterInput{
			DBClusterIdentifier: aws.String("ledger"), Engine: aws.String("aurora-postgresql"), MasterUsername: aws.String("root"), MasterUserPassword: aws.String("not-a-secret"),
			BackupRetentionPeriod: aws.Int32(1), AutoMinorVersionUpgrade: aws.Bool(false), DeletionProtection: aws.Bool(false), CopyTagsToSnapshot: aws.Bool(false),
		}
		if change != nil {
			change(in)
		}
		return *must(w.rds(t).CreateDBCluster(t.Context(), in))(t).DBCluster.DBClusterArn
	}
}

func removeDatabases(t *testing.T, w *world, _ string) {
	t.Helper()
	api, name := w.rds(t), aws.String("ledger")
	must(api.ModifyDBCluster(t.Context(), &rds.ModifyDBClusterInput{DBClusterIdentifier: name, DeletionProtection: aws.Bool(false)}))(t)
	must(api.DeleteDBCluster(t.Context(), &rds.DeleteDBClusterInput{DBClusterIdentifier: name, SkipFinalSnapshot: aws.Bool(true)}))(t)
}

func rdsFixtures() map[string]fixture {
	instance := fixture{gone: removeDatabase, wrong: makes{"off": database(nil)}}
	cluster := fixture{gone: removeDatabases, wrong: makes{"off": databases(nil)}}
	shared := aws.String("orders-1")
	all := []string{"all", "210987654321"}
	return map[string]fixture{
		"rds-disable-public-access": {gone: removeDatabase, wrong: makes{"public": database(func(in *rds.CreateDBInstanceInput) { in.PubliclyAccessible = aws.Bool(true) })}},
		"rds-protect-instance":      instance, "rds-enable-minor-upgrades": instance, "rds-copy-tags-to-snapshots": instance,
		"rds-enable-multi-az": instance, "rds-enable-iam-authentication": instance,
		"rds-enable-backups": {gone: removeDatabase, with: map[string]any{"days": 14}, wrong: makes{
			"none":      database(nil),
			"too short": database(func(in *rds.CreateDBInstanceInput) { in.BackupRetentionPeriod = aws.Int32(3) }),
		}},
		"rds-protect-cluster": cluster, "rds-copy-cluster-tags-to-snapshots": cluster, "rds-enable-cluster-minor-upgrades": cluster,
		"rds-keep-cluster-backups":              cluster,
		"rds-enable-cluster-iam-authentication": clusterLoginFixture(),
		"rds-make-snapshot-private": {wrong: makes{"public": func(t *testing.T, w *world) string {
			database(nil)(t, w)
			api := w.rds(t)
			made := must(api.CreateDBSnapshot(t.Context(), &rds.CreateDBSnapshotInput{DBInstanceIdentifier: aws.String("orders"), DBSnapshotIdentifier: shared}))(t)
			must(api.ModifyDBSnapshotAttribute(t.Context(), &rds.ModifyDBSnapshotAttributeInput{DBSnapshotIdentifier: shared, AttributeName: aws.String("restore"), ValuesToAdd: all}))(t)
			return *made.DBSnapshot.DBSnapshotArn
		}}, gone: func(t *testing.T, w *world, _ string) {
			must(w.rds(t).DeleteDBSnapshot(t.Context(), &rds.DeleteDBSnapshotInput{DBSnapshotIdentifier: shared}))(t)
		}},
		"rds-make-cluster-snapshot-private": {wrong: makes{"public": func(t *testing.T, w *world) string {
			databases(nil)(t, w)
			api := w.rds(t)
			made := must(api.CreateDBClusterSnapshot(t.Context(), &rds.CreateDBClusterSnapshotInput{DBClusterIdentifier: aws.String("ledger"), DBClusterSnapshotIdentifier: shared}))(t)
			must(api.ModifyDBClusterSnapshotAttribute(t.Context(), &rds.ModifyDBClusterSnapshotAttributeInput{
				DBClusterSnapshotIdentifier: shared, AttributeName: aws.String("restore"), ValuesToAdd: all}))(t)
			return *made.DBClusterSnapshot.DBClusterSnapshotArn
		}}, gone: func(t *testing.T, w *world, _ string) {
			must(w.rds(t).DeleteDBClusterSnapshot(t.Context(), &rds.DeleteDBClusterSnapshotInput{DBClusterSnapshotIdentifier: shared}))(t)
		}},
	}
}
