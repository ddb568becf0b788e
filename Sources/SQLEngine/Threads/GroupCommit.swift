/// How many writes share a commit at most: bounds what one failed commit can take with it.
private let groupLimit = 128

/// How long a group may take in newcomers: bounds what the first of them waits.
private let groupDuration = Duration.milliseconds(20)

/// Runs `first`, and whatever comes to wait meanwhile, in one transaction with one commit.
///
/// From the second on, each write has a savepoint, so that one that throws undoes only itself. Nobody is told anything
/// before the commit: even a refusal may rest on what another member of the group wrote.
func commitGroup(startingWith first: Job, from queue: JobQueue, on slot: inout ConnectionSlot) {
    let connection: any Connection
    do throws(SQLError) {
        connection = try slot.begin(.write)
    } catch {
        first.fail(error)
        return
    }

    let start = ContinuousClock.now
    var members: [Member] = []
    var survivorCount = 0
    var next: Job? = first
    while let job = next {
        let member = perform(job, on: connection, inSavepoint: survivorCount > 0)
        members.append(member)
        if let breakdown = member.breakdown {
            connection.rollback()
            for member in members {
                member.job.fail(member.failure ?? breakdown)
            }
            return
        }
        if member.failure == nil {
            survivorCount += 1
        } else if survivorCount == 0 {
            // Alone in the transaction: undone with it. The next member, if any, gets a new one.
            break
        }
        next = members.count < groupLimit && .now - start < groupDuration ? queue.takeIfWaiting() : nil
    }

    if survivorCount == 0 {
        connection.rollback()
        for member in members {
            member.finish()
        }
        return
    }
    do throws(SQLError) {
        try connection.commit()
    } catch {
        connection.rollback()
        for member in members {
            member.job.fail(member.failure ?? error)
        }
        return
    }
    for member in members where member.failure == nil {
        for action in member.commitActions {
            action()
        }
    }
    for member in members {
        member.finish()
    }
    connection.tidy()
}

/// A write that has run and waits for the commit.
private struct Member {
    let job: Job
    /// Why this write is undone.
    var failure: (any Error)?
    /// Why the whole transaction is undone.
    var breakdown: SQLError?
    var commitActions: [@Sendable () -> Void] = []

    func finish() {
        if let failure {
            job.fail(failure)
        } else {
            job.succeed()
        }
    }
}

private func perform(_ job: Job, on connection: any Connection, inSavepoint: Bool) -> Member {
    var member = Member(job: job)
    do throws(SQLError) {
        if inSavepoint { try connection.savepoint() }
        let transaction = Transaction(on: connection)
        member.failure = job.perform(in: transaction)
        if member.failure == nil {
            if inSavepoint { try connection.releaseSavepoint() }
            member.commitActions = transaction.commitActions
        } else if inSavepoint {
            try connection.rollbackSavepoint()
        }
    } catch {
        member.breakdown = error
    }
    return member
}
