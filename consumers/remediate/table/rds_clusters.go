package table

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// databases completes a row that reads an attribute of a DB cluster and sets it by ModifyDBCluster, as database does.
func databases[S any](r row[*rds.Client, S], get func(*types.DBCluster, *types.ClusterPendingModifiedValues) S, set func(*rds.ModifyDBClusterInput, S)) Action {
	r.Target, r.API, r.Policy = rdsKind("cluster", "DB cluster"), (*cloud.Clients).RDS, []string{"rds:DescribeDBClusters", "rds:ModifyDBCluster"}
	r.Read = func(ctx context.Context, api *rds.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{DBClusterIdentifier: &in.ID})
		if err != nil {
			return none, err
		}
		if len(out.DBClusters) != 1 {
			return none, fault.Permanent(errors.New("RDS knows no such DB cluster"))
		}
		db, pending := &out.DBClusters[0], &types.ClusterPendingModifiedValues{}
		if db.PendingModifiedValues != nil {
			pending = db.PendingModifiedValues
		}
		return get(db, pending), nil
	}
	r.Write = func(in input, _, to S) []call[*rds.Client] {
		m := &rds.ModifyDBClusterInput{DBClusterIdentifier: &in.ID}
		set(m, to)
		return one((*rds.Client).ModifyDBCluster, m)
	}
	return action(r)
}

func rdsProtectCluster() Action {
	return databases(row[*rds.Client, bool]{
		Name: "rds-protect-cluster", Controls: []string{"RDS.7"},
		Does: "Turns the deletion protection of a DB cluster on.",
		Do:   "protect from deletion", Done: "is protected from deletion",
		Want: always(true),
		Code: declared("aws_rds_cluster", "deletion protection", "deletion_protection = true", "DeletionProtection: true"),
	}, func(db *types.DBCluster, _ *types.ClusterPendingModifiedValues) bool {
		return aws.ToBool(db.DeletionProtection)
	},
		func(m *rds.ModifyDBClusterInput, on bool) { m.DeletionProtection = &on })
}

func rdsCopyTagsCluster() Action {
	return databases(row[*rds.Client, bool]{
		Name: "rds-copy-cluster-tags-to-snapshots", Controls: []string{"RDS.16", "RDS.47", "RDS.48"},
		Does: "Has the tags of a DB cluster copied to its snapshots.",
		Do:   "copy the tags to snapshots of", Done: "copies its tags to snapshots",
		Irreversible: "tags of snapshots made in the meantime",
		Want:         always(true),
		Code:         declared("aws_rds_cluster", "tags of snapshots", "copy_tags_to_snapshot = true", "CopyTagsToSnapshot: true"),
	}, func(db *types.DBCluster, _ *types.ClusterPendingModifiedValues) bool {
		return aws.ToBool(db.CopyTagsToSnapshot)
	},
		func(m *rds.ModifyDBClusterInput, on bool) { m.CopyTagsToSnapshot = &on })
}

func rdsMinorUpgradesCluster() Action {
	return databases(row[*rds.Client, bool]{
		Name: "rds-enable-cluster-minor-upgrades", Controls: []string{"RDS.35"},
		Does: "Lets a DB cluster over several availability zones take minor versions of its engine by itself, in its maintenance window.",
		Do:   "turn minor upgrades on for", Done: "takes minor upgrades by itself",
		Irreversible: "an upgrade that was made in the meantime",
		Want:         always(true),
		Code: &schemas.Code{ // Terraform has it of the instances alone
			Attribute: "minor version upgrades", Resources: []string{"aws_rds_cluster"},
			HCL: "\nresource \"aws_rds_cluster_instance\" \"{{ .Name }}\" { # each of the cluster's\n  cluster_identifier         = {{ quote .Target.ID }}\n" +
				"  auto_minor_version_upgrade = true\n}",
			YAML: "\n{{ .Name }}:\n  Properties:\n    AutoMinorVersionUpgrade: true",
		},
	}, func(db *types.DBCluster, _ *types.ClusterPendingModifiedValues) bool {
		return aws.ToBool(db.AutoMinorVersionUpgrade)
	},
		func(m *rds.ModifyDBClusterInput, on bool) { m.AutoMinorVersionUpgrade = &on })
}

func rdsBackupsCluster() Action {
	return databases(row[*rds.Client, int32]{
		Name: "rds-keep-cluster-backups", Settings: backupDays(),
		Does: "Has the automated backups of a DB cluster kept for a number of days; longer is left alone.",
		Do:   "keep backups of", Done: "has backups that are kept long enough",
		Irreversible: "backups older than before are deleted by an undo",
		Want:         wantBackups,
		Code:         declared("aws_rds_cluster", "retention of backups", "backup_retention_period = {{ .With.days }}", "BackupRetentionPeriod: {{ .With.days }}"),
	}, func(db *types.DBCluster, pending *types.ClusterPendingModifiedValues) int32 {
		return now(pending.BackupRetentionPeriod, db.BackupRetentionPeriod)
	}, func(m *rds.ModifyDBClusterInput, days int32) {
		m.BackupRetentionPeriod, m.ApplyImmediately = &days, aws.Bool(true)
	})
}

// What is shared with everybody. The state of these rows is whether it is; with which accounts it is shared beside that is none of their business.

const toAll = "all"

func restoresAll(name *string, values []string) bool {
	return aws.ToString(name) == "restore" && slices.Contains(values, toAll)
}

// sharing is what to add to, and remove from, those who may restore a snapshot.
func sharing(public bool) (add, remove []string) {
	if public {
		return []string{toAll}, nil
	}
	return nil, []string{toAll}
}

func rdsSnapshotPrivate() Action {
	return action(row[*rds.Client, bool]{
		Name: "rds-make-snapshot-private", Controls: []string{"RDS.1"}, Target: rdsKind("snapshot", "DB snapshot"), API: (*cloud.Clients).RDS,
		Does:         "Makes a DB snapshot that everybody may restore private. Accounts that it is shared with by name keep it.",
		Irreversible: "copies that others made while it was public",
		Policy:       []string{"rds:DescribeDBSnapshotAttributes", "rds:ModifyDBSnapshotAttribute"},
		Do:           "make private", Done: "is private",
		Read: func(ctx context.Context, api *rds.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeDBSnapshotAttributes(ctx, &rds.DescribeDBSnapshotAttributesInput{DBSnapshotIdentifier: &in.ID})
			if err != nil || out.DBSnapshotAttributesResult == nil {
				return false, err
			}
			return slices.ContainsFunc(out.DBSnapshotAttributesResult.DBSnapshotAttributes, func(a types.DBSnapshotAttribute) bool {
				return restoresAll(a.AttributeName, a.AttributeValues)
			}), nil
		},
		Want: always(false),
		Write: func(in input, _, public bool) []call[*rds.Client] {
			add, remove := sharing(public)
			return one((*rds.Client).ModifyDBSnapshotAttribute, &rds.ModifyDBSnapshotAttributeInput{
				DBSnapshotIdentifier: &in.ID, AttributeName: aws.String("restore"), ValuesToAdd: add, ValuesToRemove: remove,
			})
		},
	})
}

func rdsClusterSnapshotPrivate() Action {
	return action(row[*rds.Client, bool]{
		Name: "rds-make-cluster-snapshot-private", Controls: []string{"RDS.1"}, Target: rdsKind("cluster-snapshot", "DB cluster snapshot"), API: (*cloud.Clients).RDS,
		Does:         "Makes a DB cluster snapshot that everybody may restore private. Accounts that it is shared with by name keep it.",
		Irreversible: "copies that others made while it was public",
		Policy:       []string{"rds:DescribeDBClusterSnapshotAttributes", "rds:ModifyDBClusterSnapshotAttribute"},
		Do:           "make private", Done: "is private",
		Read: func(ctx context.Context, api *rds.Client, in input, _ *bool) (bool, error) {
			out, err := api.DescribeDBClusterSnapshotAttributes(ctx, &rds.DescribeDBClusterSnapshotAttributesInput{DBClusterSnapshotIdentifier: &in.ID})
			if err != nil || out.DBClusterSnapshotAttributesResult == nil {
				return false, err
			}
			return slices.ContainsFunc(out.DBClusterSnapshotAttributesResult.DBClusterSnapshotAttributes, func(a types.DBClusterSnapshotAttribute) bool {
				return restoresAll(a.AttributeName, a.AttributeValues)
			}), nil
		},
		Want: always(false),
		Write: func(in input, _, public bool) []call[*rds.Client] {
			add, remove := sharing(public)
			return one((*rds.Client).ModifyDBClusterSnapshotAttribute, &rds.ModifyDBClusterSnapshotAttributeInput{
				DBClusterSnapshotIdentifier: &in.ID, AttributeName: aws.String("restore"), ValuesToAdd: add, ValuesToRemove: remove,
			})
		},
	})
}
func rdsIAMLoginCluster() Action {
	return databases(row[*rds.Client, bool]{
		Name: "rds-enable-cluster-iam-authentication", Controls: []string{"RDS.12"},
		Does: "Lets database users of a DB cluster log in by IAM, and without a password. Passwords still work.",
		Do:   "turn IAM authentication on for", Done: "has IAM authentication",
		Want: always(true),
		Code: declared("aws_rds_cluster", "IAM authentication", "iam_database_authentication_enabled = true", "EnableIAMDatabaseAuthentication: true"),
	}, func(db *types.DBCluster, pending *types.ClusterPendingModifiedValues) bool {
		return now(pending.IAMDatabaseAuthenticationEnabled, db.IAMDatabaseAuthenticationEnabled)
	}, func(m *rds.ModifyDBClusterInput, on bool) {
		m.EnableIAMDatabaseAuthentication, m.ApplyImmediately = &on, aws.Bool(true)
	})
}
