// Stands in for llama.cpp's library for pictures and sound, so that its server links without building that. The server calls
// none of it beyond the first few functions unless it is started with a projector file.
#include "mtmd-helper.h"
#include "mtmd.h"

#include <cstdlib>

mtmd_context_params  mtmd_context_params_default(void) { return mtmd_context_params{}; }
mtmd_helper_init_opt mtmd_helper_init_opt_default(void) { return mtmd_helper_init_opt{}; }
void                 mtmd_helper_log_set(ggml_log_callback, void *) {}
bool                 mtmd_helper_support_video(const mtmd_context *) { return false; }

static void never(const void * p) {
    if (p) {
        std::abort();
    }
}

void mtmd_batch_free(mtmd_batch * p) { never(p); }
void mtmd_bitmap_free(mtmd_bitmap * p) { never(p); }
void mtmd_free(mtmd_context * p) { never(p); }
void mtmd_helper_video_free(mtmd_helper_video * p) { never(p); }
void mtmd_input_chunk_free(mtmd_input_chunk * p) { never(p); }
void mtmd_input_chunks_free(mtmd_input_chunks * p) { never(p); }

std::map<ggml_backend_dev_t, size_t> mtmd_get_memory_usage(const char *, mtmd_context_params) { return {}; }

// Called never: an address that ends the process.
#define NEVER(name) asm(".globl " #name "\n.type " #name ",@function\n" #name ": jmp abort@PLT\n")
NEVER(mtmd_batch_add_chunk);
NEVER(mtmd_batch_encode);
NEVER(mtmd_batch_get_output_embd);
NEVER(mtmd_batch_init);
NEVER(mtmd_get_cap_from_file);
NEVER(mtmd_helper_bitmap_init_from_buf);
NEVER(mtmd_helper_decode_image_chunk);
NEVER(mtmd_init_from_file);
NEVER(mtmd_input_chunk_copy);
NEVER(mtmd_input_chunk_get_id);
NEVER(mtmd_input_chunk_get_n_pos);
NEVER(mtmd_input_chunk_get_n_tokens);
NEVER(mtmd_input_chunk_get_placeholder);
NEVER(mtmd_input_chunk_get_tokens_text);
NEVER(mtmd_input_chunk_get_type);
NEVER(mtmd_input_chunk_load);
NEVER(mtmd_input_chunk_save);
NEVER(mtmd_input_chunks_get);
NEVER(mtmd_input_chunks_init);
NEVER(mtmd_input_chunks_size);
NEVER(mtmd_support_audio);
NEVER(mtmd_support_vision);
NEVER(mtmd_tokenize);
