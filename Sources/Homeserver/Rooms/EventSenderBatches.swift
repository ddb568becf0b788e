import MatrixCore
import SQLEngine
import Storage
import Synchronization

/// Sending what waits for a room in one transaction.
extension EventSender {
    /// Sends an event with whatever else waits for its room by the time the room is free; returns once it is durable.
    func deliver(_ own: PendingSend, to room: RoomHandle) async throws -> EventID {
        waiting.withLock { $0[room.number, default: []].append(own) }
        do {
            return try await writers.withCommitLease(on: room) { lease in
                // Whoever has the lease sends for all who wait for it: one transaction, one flush to disk.
                if own.result == nil { try await sendWaiting(in: room, own: own, lease) }
                guard let result = own.result else { throw MatrixError.internalError }
                return try result.get()
            }
        } catch is CancellationError {
            // Nobody is to send it later, when its client has long given up on it.
            own.abandon()
            waiting.withLock { waiting in
                waiting[room.number]?.removeAll { $0 === own }
                if waiting[room.number]?.isEmpty == true { waiting[room.number] = nil }
            }
            throw CancellationError()
        }
    }

    /// How many events to send in one transaction.
    private static let maximumBatch = 64

    /// Sends what waits for the room, `own` among it, and notes how each fared.
    private func sendWaiting(in room: RoomHandle, own: PendingSend, _ lease: borrowing CommitLease) async throws {
        var batch = waiting.withLock { waiting in
            var sends = waiting[room.number] ?? []
            let batch = Array(sends.prefix(Self.maximumBatch))
            sends.removeFirst(batch.count)
            waiting[room.number] = sends.isEmpty ? nil : sends
            return batch
        }
        if !batch.contains(where: { $0 === own }) {
            waiting.withLock { $0[room.number]?.removeAll { $0 === own } }
            batch.append(own)
        }
        do {
            try await send(batch, lease)
        } catch is CancellationError {
            // The client in whose name this ran hung up; the others' events are for the next one to send.
            let others = batch.filter { $0 !== own && $0.result == nil }
            if !others.isEmpty {
                waiting.withLock { $0[room.number, default: []].insert(contentsOf: others, at: 0) }
            }
            throw CancellationError()
        } catch {
            for send in batch where send.result == nil { send.result = .failure(error) }
        }
    }

    /// Drafts, authorizes and writes events, and notes how each fared. What it throws befell all that have no result.
    private func send(_ batch: [PendingSend], _ lease: borrowing CommitLease) async throws {
        while true {
            let position = try await states.position(under: lease)
            var line = EventLine(position)
            for send in batch where send.result == nil {
                // What this did to the state, where it forks the room, is known once it is written.
                if line.hasForkedState { break }
                do {
                    if let draft = send.draft {
                        try await append(draft, of: send, to: &line)
                    } else if let same = try await unchanged(send.intent, in: position.room, line) {
                        send.result = .success(same)
                    } else {
                        let (event, redacts) = try await draft(send.intent, at: line)
                        line.append(event, for: send, redacts: redacts)
                    }
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    send.result = .failure(error)
                }
            }
            guard !line.sends.isEmpty else { return }
            do {
                try await commit(line.events, onto: position, lease)
                for (send, event) in zip(line.sends, line.events) { send.result = .success(event.event.eventID) }
                if batch.contains(where: { $0.result == nil }) { continue }
                return
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                if try await settleCollision(line, in: position.room, error) { continue }
                guard line.sends.count > 1 else { throw error }
            }
            // One of them may be what cannot be written; the others are not to suffer for it.
            for send in line.sends {
                do {
                    try await self.send([send], lease)
                } catch is CancellationError {
                    throw CancellationError()
                } catch {
                    send.result = .failure(error)
                }
            }
            if !batch.contains(where: { $0.result == nil }) { return }
        }
    }

    /// Something in the line is there already: a transaction completed before, or an event made of the same words in the same
    /// millisecond. Finds it, so that the others can be sent without it.
    /// - Returns: Whether that was the fault.
    func settleCollision(_ line: EventLine, in room: RoomHandle, _ error: any Error) async throws -> Bool {
        guard let error = error as? SQLError, error.kind == .uniqueViolation else { return false }
        var isSettled = false
        for (send, committing) in zip(line.sends, line.events) {
            if let sent = send.intent.transaction, let earlier = try await event(in: room, sentBy: sent) {
                send.result = .success(earlier)
                isSettled = true
            } else if try await states.event(committing.event.eventID) != nil {
                send.intent.originServerTS = Timestamp(
                    milliseconds: committing.event.originServerTS.milliseconds + 1)
                send.draft = nil
                isSettled = true
            }
        }
        return isSettled
    }
}
