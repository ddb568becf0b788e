import Testing

@testable import WebServer

@Suite struct ConnectionStateTests {
    private func head(
        _ state: inout ConnectionState, length: Int? = nil, limit: Int = 10, isWelcome: Bool = true,
        isStreamed: Bool = false, expectsContinue: Bool = false, keepsAlive: Bool = true
    ) -> ConnectionState.HeadAction {
        state.head(
            contentLength: length, limit: limit, isWelcome: isWelcome, isStreamed: isStreamed,
            expectsContinue: expectsContinue, keepsAlive: keepsAlive)
    }

    @Test func `a body that is streamed goes to its handler, and the connection is kept`() {
        var state = ConnectionState()
        #expect(head(&state, length: 3, isStreamed: true) == .receive)
        #expect(state.isExchanging)
        #expect(!state.isBusy)
        #expect(state.body(3) == .deliver)
        #expect(state.end() == .deliver)
        #expect(state.isBusy)
        state.answering()
        #expect(!state.isLast)
        #expect(state.answered(isWritable: true) == .next)
    }

    @Test func `an answer before the end of a streamed body is the last one`() {
        var state = ConnectionState()
        #expect(head(&state, length: 6, isStreamed: true) == .receive)
        #expect(state.body(3) == .deliver)
        state.answering()
        #expect(state.isLast)
        #expect(state.answered(isWritable: true) == .drain)
        #expect(state.body(3) == .drop)
        #expect(state.end() == .close)
    }

    @Test func `a handler may answer while it reads, to the end`() {
        var state = ConnectionState()
        #expect(head(&state, length: 6, isStreamed: true) == .receive)
        state.answering()
        #expect(state.body(6) == .deliver)
        #expect(state.end() == .deliver)
        #expect(state.answered(isWritable: true) == .close)
    }

    @Test func `a streamed body that grows too large is told to its handler once`() {
        var state = ConnectionState()
        #expect(head(&state, length: 11, isStreamed: true) == .refuse)
        state = ConnectionState()
        #expect(head(&state, isStreamed: true, expectsContinue: true) == .receive)
        #expect(state.body(10) == .deliver)
        #expect(state.body(1) == .overflow)
        #expect(!state.isExchanging)
        #expect(state.body(1) == .drop)
        #expect(state.end() == .ignore)
        #expect(state.isBusy)
    }

    @Test func `an answer whose end only the connection's end tells is the last one`() {
        var state = ConnectionState()
        #expect(head(&state) == .receive)
        #expect(state.end() == .answer)
        state.answering(isDelimited: false)
        #expect(state.answered(isWritable: true) == .close)
    }

    @Test func `a request is answered when it is whole, then the next is taken`() {
        var state = ConnectionState()
        #expect(head(&state, length: 3) == .receive)
        #expect(state.body(3) == .keep)
        #expect(state.end() == .answer)
        #expect(state.isBusy)
        #expect(state.answered(isWritable: true) == .next)
        #expect(state.phase == .idle)
    }

    @Test func `a body announced too large is refused before it is sent`() {
        var state = ConnectionState()
        #expect(head(&state, length: 11) == .refuse)
        #expect(state.isLast)
        #expect(state.answered(isWritable: true) == .drain)
        #expect(state.body(5) == .drop)
        #expect(state.end() == .close)
    }

    @Test func `a body that grows too large is refused where it does`() {
        var state = ConnectionState()
        #expect(head(&state) == .receive)
        #expect(state.body(10) == .keep)
        #expect(state.body(1) == .refuse)
        #expect(state.answered(isWritable: true) == .drain)
    }

    @Test func `a client that asks first is told to go on only if somebody wants its body`() {
        var state = ConnectionState()
        #expect(head(&state, length: 3, expectsContinue: true) == .receiveAfterGoOn)
        state = ConnectionState()
        #expect(head(&state, length: 3, isWelcome: false, expectsContinue: true) == .refuse)
        state = ConnectionState()
        #expect(head(&state, length: 30, expectsContinue: true) == .refuse)
    }

    @Test func `a connection that is not kept closes after the answer`() {
        var state = ConnectionState()
        #expect(head(&state, keepsAlive: false) == .receive)
        #expect(state.end() == .answer)
        #expect(state.answered(isWritable: true) == .close)
    }

    @Test func `the next request waits until the client reads`() {
        var state = ConnectionState()
        #expect(head(&state) == .receive)
        #expect(state.end() == .answer)
        #expect(state.answered(isWritable: false) == .wait)
        #expect(state.isBusy)
        #expect(state.becameWritable() == true)
        #expect(!state.isBusy)
        #expect(state.becameWritable() == false)
    }

    @Test func `a stop closes what waits and lets what is asked be answered`() {
        var state = ConnectionState()
        #expect(state.stop() == true)
        state = ConnectionState()
        #expect(head(&state) == .receive)
        #expect(state.stop() == false)
        #expect(state.end() == .answer)
        #expect(state.stop() == false)
        #expect(state.answered(isWritable: true) == .close)
    }

    @Test func `what is no HTTP is answered unless another answer is due`() {
        var state = ConnectionState()
        #expect(state.malformed() == true)
        #expect(state.answered(isWritable: true) == .close)
        state = ConnectionState()
        #expect(head(&state) == .receive)
        #expect(state.end() == .answer)
        #expect(state.malformed() == false)
        #expect(state.answered(isWritable: true) == .close)
    }
}
