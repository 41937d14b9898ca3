// An explanation that is read is written in a form that reads back as the same.

#include "require.h"
#include "whence/core/error.h"
#include "whence/core/explanation_json.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
    std::string text;
    try {
        text = to_json(whence::explanation_from_json({reinterpret_cast<const char*>(bytes), size}));
    } catch (const whence::Error&) {
        return 0;
    }
    require(to_json(whence::explanation_from_json(text)) == text);
    return 0;
}
