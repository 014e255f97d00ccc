package sqlstore

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/consumers/ledger"
)

// queries are the statements that depend on the dialect.
type queries struct {
	known, next, idle, forget, lapsed, ready, claim, lease, bodies, lock, outbox, sent, prune, over, used, counted, held, acted string
}

// columns are those that row.scan reads, in its order.
const columns = `commands.seq, commands.state, commands.slot, commands.mutex, commands.due, commands.fence, commands.attempts, commands.applied,
	commands.plan, commands.outcome, commands.approved_hash, commands.approved_by, commands.undo, commands.ends, commands.effect, commands.updated, commands.approvals, commands.entered`

// claiming and claimed are the statement that leases commands, around what says which.
const (
	claiming = `update commands set state = case when state in ('pending', 'retrying') then 'running' else state end,
		slot = 1, due = $1, owner = $2, fence = fence + 1, attempts = attempts + 1, updated = $3`
	claimed = ` returning ` + columns + `, (select body from bodies where bodies.seq = commands.seq)`
)

// ready is the query for what is ready in a lane, with the numbers of its placeholders: how many, which accounts not, which lane.
func ready(d Dialect, limit, except, lane int) string {
	return fmt.Sprintf(`select mutex, seq, urgency from targets where ready and lane = $%d and not (%s) order by urgency desc, seq limit $%d %s`,
		lane, d.Any("account", "$"+strconv.Itoa(except)), limit, d.SkipLocked)
}

// chained is the statement that finds what is ready in so many lanes, and leases it.
func chained(d Dialect, lanes int) string {
	var found, all strings.Builder
	for i := range lanes {
		fmt.Fprintf(&found, `lane%d as materialized (%s), `, i, ready(d, 4, 5, i+6))
		if i > 0 {
			all.WriteString(` union all `)
		}
		fmt.Fprintf(&all, `select * from lane%d`, i)
	}
	return `with ` + found.String() + `found as materialized (select * from (` + all.String() + `) as ready order by urgency desc, seq limit $4),
		leased as (update targets set ready = false, due = $1 from found where targets.mutex = found.mutex)
		` + claiming + ` from found where commands.seq = found.seq` + claimed
}

// lockTargets is the query that locks the targets in the list of that placeholder.
func lockTargets(d Dialect, placeholder int) string {
	return `select mutex from targets where ` + d.Any("mutex", "$"+strconv.Itoa(placeholder)) + ` order by mutex ` + d.Lock
}

func newQueries(d Dialect) queries {
	var gone, left string // left is what is not gone; where a statement cannot do two things, idle comes after next
	if d.Chained {
		gone = `, gone as (delete from targets using picked p where targets.mutex = p.mutex and p.seq is null and p.timed is null)`
		left = ` and (p.seq is not null or p.timed is not null)`
	}
	return queries{
		known: `select id from commands where ` + d.Any("id", "$1"),

		// Which command of a target comes next: the one that holds it; else what has reached its time; else the first that is pending. A row is
		// ready if that may be claimed now. Its due says when to ask again: when what comes next is due, or when something that waits for
		// its time will go before it.
		next: `
with picked as materialized (
	select targets.mutex,
		coalesce(
			(select c.seq from commands c where c.mutex = targets.mutex and c.slot = 1),
			(select c.seq from commands c where c.mutex = targets.mutex and c.slot = 2 and c.due <= $1 order by c.due, c.seq limit 1),
			(select c.seq from commands c where c.mutex = targets.mutex and c.slot = 3 order by c.seq limit 1)) as seq,
		(select min(c.due) from commands c where c.mutex = targets.mutex and c.slot = 2) as timed
	from targets where ` + d.Any("targets.mutex", "$2") + `)` + gone + `
update targets set
	seq = c.seq, lane = c.lane, account = coalesce(c.account, ''), urgency = c.urgency,
	ready = coalesce(c.due <= $1, false),
	due = case
		when c.seq is null then p.timed
		when c.due <= $1 and c.slot = 3 then p.timed
		when c.due <= $1 then null
		when c.slot = 1 or p.timed is null or c.due < p.timed then c.due
		else p.timed end
from picked p left join commands c on c.seq = p.seq
where targets.mutex = p.mutex` + left,
		idle:   `delete from targets where not ready and due is null and ` + d.Any("mutex", "$1"),
		forget: `delete from targets where ` + d.Any("mutex", "$1"),

		lapsed: `select mutex from targets where due <= $1 order by due limit $2 ` + d.SkipLocked,
		ready:  ready(d, 1, 2, 3),
		claim:  claiming + ` where ` + d.Any("seq", "$4") + claimed,
		lease:  `update targets set ready = false, due = $1 where ` + d.Any("mutex", "$2"),
		bodies: `select seq, body from bodies where ` + d.Any("seq", "$1"),
		lock:   lockTargets(d, 1),

		outbox: `update outbox set due = $1 where id in
			(select id from outbox where due <= $2 order by id limit $3 ` + d.SkipLocked + `)
			returning id, topic, key, value, headers`,
		sent: `delete from outbox where ` + d.Any("id", "$1"),

		prune: `delete from commands where seq in (select seq from commands
			where slot = 0 and updated < $1 and state <> 'approval' order by updated limit $2) returning seq`,

		over:    `delete from spent where until <= $1 and ` + d.Any("budget", "$2"),
		used:    `select budget, count(*) from spent where ` + d.Any("budget", "$1") + ` group by budget`,
		counted: `select budget, id from spent where ` + d.Any("budget", "$1") + ` and ` + d.Any("id", "$2"),

		// %s stands for rows of a number, a rule, a target and the time it is.
		held: `with asked as (%s) select column1, reason, until from asked join holds on rule = column2 and target = column3 where until > column4`,
		acted: `with asked as (%s) select ` + columns + `, column1 from asked ` + d.Latest(`select c.seq from commands c where c.target = column3
			and c.rule = column2 and c.applied and c.state in ('verified', 'in_force', 'reverted', 'undone', 'failed') order by c.seq desc limit `+strconv.Itoa(ledger.PastDone)) +
			` order by commands.seq desc`,
	}
}
