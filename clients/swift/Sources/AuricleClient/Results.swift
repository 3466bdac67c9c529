// What a server is asked and what it answers. Times are seconds.

import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// How a recording is to be written down.
public struct Options: Sendable {
    /// `whisper-1` stands for the model the server was started with.
    public var model = "whisper-1"
    /// Found out when left out.
    public var language: String?
    /// Times of words, beside those of segments.
    public var words = false
    /// Any other field of the API, such as `temperature`.
    public var fields: [String: String] = [:]

    public init() {}

    var pairs: [(String, String)] {
        var pairs = [("model", model)]
        if fields["response_format"] == nil { pairs.append(("response_format", "verbose_json")) }
        if let language { pairs.append(("language", language)) }
        if words {
            pairs.append(("timestamp_granularities[]", "word"))
            pairs.append(("timestamp_granularities[]", "segment"))
        }
        return pairs + fields.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

public enum TextFormat: String, Sendable {
    case text, srt, vtt
}

public struct Word: Decodable, Sendable {
    public let word: String
    public let start: Double
    public let end: Double
    public let probability: Double?
    /// With the field `diarize`, as the one of a segment.
    public let speaker: String?
}

public struct Segment: Decodable, Sendable {
    public let start: Double
    public let end: Double
    public let text: String
    public let avg_logprob: Double?
    public let no_speech_prob: Double?
    public let speaker: String?
}

/// Somebody who speaks, by a letter or the name of a known voice.
public struct Speaker: Decodable, Sendable {
    public let speaker: String
    public let known: Bool
    public let speech_s: Double
}

/// A recording as text. What was not asked for is nil.
public struct Transcription: Decodable, Sendable {
    public let text: String
    public let task: String?
    /// An English name in lower case, such as german.
    public let language: String?
    public let duration: Double?
    public let segments: [Segment]?
    public let words: [Word]?
    public let speakers: [Speaker]?
}

public struct Health: Decodable, Sendable {
    public let status: String
    public let ready: Bool
    public let model: String
    public let reason: String?
}

/// What a stream consists of. Kinds this client does not know are left out.
public enum Event: Sendable {
    /// Text to append to what came before; it is never taken back.
    case delta(String)
    /// The end; all of the text.
    case done(String)

    private struct Wire: Decodable {
        let type: String?
        let delta: String?
        let text: String?
        let error: ErrorBody.Detail?
    }

    init?(_ data: Data, _ answer: HTTPURLResponse) throws {
        let wire = try JSONDecoder().decode(Wire.self, from: data)
        if let error = wire.error {
            throw AuricleError(error.message, status: 200, param: error.param, code: error.code)
        }
        switch (wire.type, wire.delta, wire.text) {
        case ("transcript.text.delta", let delta?, _): self = .delta(delta)
        case ("transcript.text.done", _, let text?): self = .done(text)
        default: return nil
        }
    }
}

struct ErrorBody: Decodable {
    struct Detail: Decodable {
        let message: String
        let param: String?
        let code: String?
    }

    let error: Detail?
}

/// A refusal or failure that the server answered with. Failures of the connection are `URLError`.
public struct AuricleError: Error, LocalizedError, Sendable {
    public let message: String
    /// HTTP status; 200 where it failed after the answer had begun.
    public let status: Int?
    public let param: String?
    public let code: String?
    public let requestID: String?
    /// When to ask again, in seconds.
    public let retryAfter: Double?

    public var errorDescription: String? {
        status.map { "\($0): \(message)" } ?? message
    }

    init(_ message: String, status: Int? = nil, param: String? = nil, code: String? = nil) {
        self.message = message
        self.status = status
        self.param = param
        self.code = code
        requestID = nil
        retryAfter = nil
    }

    init(_ answer: HTTPURLResponse, _ body: Data) {
        let detail = (try? JSONDecoder().decode(ErrorBody.self, from: body))?.error
        message = detail?.message ?? String(decoding: body.prefix(200), as: UTF8.self)
        status = answer.statusCode
        param = detail?.param
        code = detail?.code
        requestID = answer.value(forHTTPHeaderField: "x-request-id")
        retryAfter = answer.value(forHTTPHeaderField: "retry-after").flatMap(Double.init)
    }

    /// How long to wait before the request is sent again; nil when it should not be.
    func secondsToWait(_ nFailed: Int, _ answer: HTTPURLResponse) -> Double? {
        let advice = answer.value(forHTTPHeaderField: "x-should-retry")
        let mayBeBetterLater = [408, 429, 502, 503, 504].contains(answer.statusCode)
        guard advice == "true" || (advice != "false" && mayBeBetterLater) else { return nil }
        let wait = retryAfter ?? min(8, 0.5 * Double(1 << min(nFailed, 4))) * Double.random(in: 0.75...1)
        return wait >= 0 && wait <= 60 ? wait : nil
    }
}
