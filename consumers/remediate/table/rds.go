package table

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func rdsRows() []Action {
	return []Action{
		rdsPublicAccess(), rdsProtect(), rdsBackups(), rdsMinorUpgrades(), rdsCopyTags(), rdsMultiAZ(), rdsIAMLogin(),
		rdsProtectCluster(), rdsCopyTagsCluster(), rdsMinorUpgradesCluster(), rdsIAMLoginCluster(), rdsBackupsCluster(),
		rdsSnapshotPrivate(), rdsClusterSnapshotPrivate(),
	}
}

// rdsKind is a kind of thing of RDS.
func rdsKind(typ, name string) kind {
	return named("rds-"+typ, name, func(id string) bool { return isName(id, 255, "-:") })
}

// now is a value of RDS: the one that it has taken on, if there is one, which it is getting to.
func now[T any](pending, current *T) T {
	var none T
	switch {
	case pending != nil:
		return *pending
	case current != nil:
		return *current
	}
	return none
}

// database completes a row that reads an attribute of a DB instance and sets it by ModifyDBInstance. What is pending counts: RDS may take its time.
func database[S any](r row[*rds.Client, S], get func(*types.DBInstance, *types.PendingModifiedValues) S, set func(*rds.ModifyDBInstanceInput, S)) Action {
	r.Target, r.API, r.Policy = rdsKind("instance", "DB instance"), (*cloud.Clients).RDS, []string{"rds:DescribeDBInstances", "rds:ModifyDBInstance"}
	r.Read = func(ctx context.Context, api *rds.Client, in input, _ *S) (S, error) {
		var none S
		out, err := api.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &in.ID})
		if err != nil {
			return none, err
		}
		if len(out.DBInstances) != 1 {
			return none, fault.Permanent(errors.New("RDS knows no such DB instance"))
		}
		db, pending := &out.DBInstances[0], &types.PendingModifiedValues{}
		if db.PendingModifiedValues != nil {
			pending = db.PendingModifiedValues
		}
		return get(db, pending), nil
	}
	r.Write = func(in input, _, to S) []call[*rds.Client] {
		m := &rds.ModifyDBInstanceInput{DBInstanceIdentifier: &in.ID}
		set(m, to)
		return one((*rds.Client).ModifyDBInstance, m)
	}
	return action(r)
}

func rdsPublicAccess() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-disable-public-access", Controls: []string{"RDS.2"},
		Does: "Takes a DB instance off the internet: its name resolves to a private address only. Connections from outside of its VPC break.",
		Do:   "take off the internet", Done: "is not reachable from the internet",
		Want: always(false),
		Code: declared("aws_db_instance", "public access", "publicly_accessible = false", "PubliclyAccessible: false"),
	}, func(db *types.DBInstance, _ *types.PendingModifiedValues) bool {
		return aws.ToBool(db.PubliclyAccessible)
	},
		func(m *rds.ModifyDBInstanceInput, on bool) { m.PubliclyAccessible = &on })
}

func rdsProtect() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-protect-instance", Controls: []string{"RDS.8"},
		Does: "Turns the deletion protection of a DB instance on. Those of an Aurora cluster have none of their own: see rds-protect-cluster.",
		Do:   "protect from deletion", Done: "is protected from deletion",
		Want: always(true),
		Code: declared("aws_db_instance", "deletion protection", "deletion_protection = true", "DeletionProtection: true"),
	}, func(db *types.DBInstance, _ *types.PendingModifiedValues) bool {
		return aws.ToBool(db.DeletionProtection)
	},
		func(m *rds.ModifyDBInstanceInput, on bool) { m.DeletionProtection = &on })
}

// backupDays is the setting of how long backups are kept. RDS keeps them for 35 days at most.
func backupDays() []schemas.Setting {
	return []schemas.Setting{{Name: "days", Type: "int", Default: "7", Help: "days that automated backups are kept at least; 35 at most"}}
}

func wantBackups(in input, now int32) (int32, error) {
	days := in.number("days")
	if days < 1 || days > 35 {
		return now, fault.Permanent(errors.New("with.days: 1 to 35 expected"))
	}
	return max(now, int32(days)), nil
}

func rdsBackups() Action {
	return database(row[*rds.Client, int32]{
		Name: "rds-enable-backups", Controls: []string{"RDS.11"}, Settings: backupDays(),
		Does: "Has a DB instance backed up automatically, and the backups kept for a number of days; longer is left alone. Where there were none, its I/O stops for a few seconds.",
		Do:   "keep backups of", Done: "has backups that are kept long enough",
		Irreversible: "where there were no backups, an undo deletes those made in the meantime",
		Want:         wantBackups,
		Code:         declared("aws_db_instance", "retention of backups", "backup_retention_period = {{ .With.days }}", "BackupRetentionPeriod: {{ .With.days }}"),
	}, func(db *types.DBInstance, pending *types.PendingModifiedValues) int32 {
		return now(pending.BackupRetentionPeriod, db.BackupRetentionPeriod)
	}, func(m *rds.ModifyDBInstanceInput, days int32) {
		m.BackupRetentionPeriod, m.ApplyImmediately = &days, aws.Bool(true)
	})
}

func rdsMinorUpgrades() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-enable-minor-upgrades", Controls: []string{"RDS.13"},
		Does: "Lets a DB instance take minor versions of its engine by itself, in its maintenance window.",
		Do:   "turn minor upgrades on for", Done: "takes minor upgrades by itself",
		Irreversible: "an upgrade that was made in the meantime",
		Want:         always(true),
		Code:         declared("aws_db_instance", "minor version upgrades", "auto_minor_version_upgrade = true", "AutoMinorVersionUpgrade: true"),
	}, func(db *types.DBInstance, _ *types.PendingModifiedValues) bool {
		return aws.ToBool(db.AutoMinorVersionUpgrade)
	},
		func(m *rds.ModifyDBInstanceInput, on bool) { m.AutoMinorVersionUpgrade = &on })
}

func rdsCopyTags() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-copy-tags-to-snapshots", Controls: []string{"RDS.17"},
		Does: "Has the tags of a DB instance copied to its snapshots.",
		Do:   "copy the tags to snapshots of", Done: "copies its tags to snapshots",
		Irreversible: "tags of snapshots made in the meantime",
		Want:         always(true),
		Code:         declared("aws_db_instance", "tags of snapshots", "copy_tags_to_snapshot = true", "CopyTagsToSnapshot: true"),
	}, func(db *types.DBInstance, _ *types.PendingModifiedValues) bool {
		return aws.ToBool(db.CopyTagsToSnapshot)
	},
		func(m *rds.ModifyDBInstanceInput, on bool) { m.CopyTagsToSnapshot = &on })
}

func rdsMultiAZ() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-enable-multi-az", Controls: []string{"RDS.5"},
		Does: "Gives a DB instance a standby in another availability zone. It doubles what the instance costs, and a person is asked.",
		Do:   "make a standby of", Done: "has a standby in another zone",
		Want:    always(true),
		Approve: func(input, bool) string { return "a standby costs as much as the DB instance itself" },
		Code:    declared("aws_db_instance", "standby in another zone", "multi_az = true", "MultiAZ: true"),
	}, func(db *types.DBInstance, pending *types.PendingModifiedValues) bool {
		return now(pending.MultiAZ, db.MultiAZ)
	},
		func(m *rds.ModifyDBInstanceInput, on bool) { m.MultiAZ, m.ApplyImmediately = &on, aws.Bool(true) })
}

func rdsIAMLogin() Action {
	return database(row[*rds.Client, bool]{
		Name: "rds-enable-iam-authentication", Controls: []string{"RDS.10"},
		Does: "Lets database users of a DB instance log in by IAM, and without a password. Passwords still work.",
		Do:   "turn IAM authentication on for", Done: "has IAM authentication",
		Want: always(true),
		Code: declared("aws_db_instance", "IAM authentication", "iam_database_authentication_enabled = true", "EnableIAMDatabaseAuthentication: true"),
	}, func(db *types.DBInstance, pending *types.PendingModifiedValues) bool {
		return now(pending.IAMDatabaseAuthenticationEnabled, db.IAMDatabaseAuthenticationEnabled)
	}, func(m *rds.ModifyDBInstanceInput, on bool) {
		m.EnableIAMDatabaseAuthentication, m.ApplyImmediately = &on, aws.Bool(true)
	})
}
