// A tokenizer that is read cuts any text into tokens that lie in it, or says why not. The text
// stands before the JSON's first brace.

#include <algorithm>
#include <string_view>

#include "require.h"
#include "whence/core/error.h"
#include "whence/text/tokenizer.h"

using namespace whence::text;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(bytes), size);
    const size_t brace = std::min(all.find('{'), size);
    const std::string_view text = all.substr(0, brace);
    try {
        const Tokenizer tokenizer = Tokenizer::from_json(all.substr(brace));
        if (tokenizer.length().least > 4096) return 0;  // slow, not interesting
        for (const Token& token : tokenizer.encode(text))
            require(token.place.begin >= 0 && token.place.begin <= token.place.end &&
                    token.place.end <= static_cast<int64_t>(text.size()));
    } catch (const whence::Error&) {
    }
    return 0;
}
