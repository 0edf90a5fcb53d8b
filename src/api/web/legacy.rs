//! Addresses of old SillyTavern versions, redirected to today's.

use axum::extract::{OriginalUri, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use crate::reply;

/// Old prefix and new path.
pub const REDIRECTS: [(&str, &str); 50] = [
    ("/createcharacter", "/api/characters/create"),
    ("/renamecharacter", "/api/characters/rename"),
    ("/editcharacter", "/api/characters/edit"),
    ("/editcharacterattribute", "/api/characters/edit-attribute"),
    ("/v2/editcharacterattribute", "/api/characters/merge-attributes"),
    ("/deletecharacter", "/api/characters/delete"),
    ("/getcharacters", "/api/characters/all"),
    ("/getonecharacter", "/api/characters/get"),
    ("/getallchatsofcharacter", "/api/characters/chats"),
    ("/importcharacter", "/api/characters/import"),
    ("/dupecharacter", "/api/characters/duplicate"),
    ("/exportcharacter", "/api/characters/export"),
    ("/savechat", "/api/chats/save"),
    ("/getchat", "/api/chats/get"),
    ("/renamechat", "/api/chats/rename"),
    ("/delchat", "/api/chats/delete"),
    ("/exportchat", "/api/chats/export"),
    ("/importgroupchat", "/api/chats/group/import"),
    ("/importchat", "/api/chats/import"),
    ("/getgroupchat", "/api/chats/group/get"),
    ("/deletegroupchat", "/api/chats/group/delete"),
    ("/savegroupchat", "/api/chats/group/save"),
    ("/getgroups", "/api/groups/all"),
    ("/creategroup", "/api/groups/create"),
    ("/editgroup", "/api/groups/edit"),
    ("/deletegroup", "/api/groups/delete"),
    ("/getworldinfo", "/api/worldinfo/get"),
    ("/deleteworldinfo", "/api/worldinfo/delete"),
    ("/importworldinfo", "/api/worldinfo/import"),
    ("/editworldinfo", "/api/worldinfo/edit"),
    ("/getstats", "/api/stats/get"),
    ("/recreatestats", "/api/stats/recreate"),
    ("/updatestats", "/api/stats/update"),
    ("/getbackgrounds", "/api/backgrounds/all"),
    ("/delbackground", "/api/backgrounds/delete"),
    ("/renamebackground", "/api/backgrounds/rename"),
    ("/downloadbackground", "/api/backgrounds/upload"),
    ("/savetheme", "/api/themes/save"),
    ("/getuseravatars", "/api/avatars/get"),
    ("/deleteuseravatar", "/api/avatars/delete"),
    ("/uploaduseravatar", "/api/avatars/upload"),
    ("/deletequickreply", "/api/quick-replies/delete"),
    ("/savequickreply", "/api/quick-replies/save"),
    ("/uploadimage", "/api/images/upload"),
    // compat: one segment must follow, and the new address names the parameter instead of its value.
    ("/listimgfiles/", "/api/images/list/:folder"),
    ("/api/content/import", "/api/content/importURL"),
    ("/savemovingui", "/api/moving-ui/save"),
    ("/api/serpapi/search", "/api/search/serpapi"),
    ("/api/serpapi/visit", "/api/search/visit"),
    ("/api/serpapi/transcript", "/api/search/transcript"),
];

/// Where an old address leads: any case, with anything below it. `None` for other paths.
pub fn target(path: &str) -> Option<&'static str> {
    REDIRECTS
        .iter()
        .find(|(old, _)| is_below(path, old))
        .map(|(_, new)| *new)
}

/// Redirects (308: method and body stay) any method of an old address, without its query and what follows. Belongs
/// behind the login gate.
pub async fn redirect(OriginalUri(uri): OriginalUri, request: Request, next: Next) -> Response {
    match target(uri.path()) {
        Some(new) => {
            tracing::warn!(old = uri.path(), new, "a deprecated address was used");
            reply::redirect(StatusCode::PERMANENT_REDIRECT, new, request.headers())
        }
        None => next.run(request).await,
    }
}

fn is_below(path: &str, old: &str) -> bool {
    let Some((head, rest)) = path.split_at_checked(old.len()) else {
        return false;
    };
    let is_parameter = old.ends_with('/');
    let fits = if is_parameter {
        !rest.is_empty() && !rest.starts_with('/')
    } else {
        is_end(rest)
    };
    fits && head.eq_ignore_ascii_case(old)
}

fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_match_whole_segments_in_any_case() {
        assert_eq!(target("/getchat"), Some("/api/chats/get"));
        assert_eq!(target("/GETCHAT/foo"), Some("/api/chats/get"));
        assert_eq!(target("/getchats"), None);
        assert_eq!(
            target("/editcharacterattribute"),
            Some("/api/characters/edit-attribute")
        );
        assert_eq!(target("/api/content/importURL"), None);
        assert_eq!(target("/api/content/import/"), Some("/api/content/importURL"));
        assert_eq!(target("/listimgfiles/a%20b"), Some("/api/images/list/:folder"));
        assert_eq!(target("/listimgfiles"), None);
        assert_eq!(target("/listimgfiles/"), None);
    }

    #[test]
    fn no_target_is_an_old_address_again() {
        for (old, new) in REDIRECTS {
            assert_eq!(target(new), None, "{old} -> {new}");
        }
    }
}
