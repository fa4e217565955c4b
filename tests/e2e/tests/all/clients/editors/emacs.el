;;; -*- lexical-binding: t; -*-
;; Drives lore.el as a person would, and prints what that person saw.

(defvar asked (json-parse-string (getenv "LORE_ASKED") :object-type 'alist))
(defvar steps nil)
(defvar failure nil)
(defvar patience 60)

(defun step (event)
  (when (plist-get event :error)
    (setq failure (plist-get (plist-get event :error) :message)))
  (push (format "%s" (or (plist-get event :phase) (plist-get event :state) (plist-get event :kind)))
        steps))
(add-hook 'lore-event-functions #'step)

(defun ended ()
  "How a sync ended, once it has."
  (with-timeout (patience (error "It does not end: %S" steps))
    (while (not (member (car steps) '("succeeded" "failed" "cancelled")))
      (accept-process-output nil 1)))
  (car steps))

(defun refusal (function)
  (condition-case failure (progn (funcall function) "no refusal")
    (user-error (error-message-string failure))))

(find-file (alist-get 'file asked))
(lore-file-history)
(let ((history (with-current-buffer "*lore*" (buffer-string)))
      synced cancelled)
  (lore-sync (alist-get 'merge_request asked))
  (ended)
  (setq synced (vconcat (reverse steps)) steps nil)
  (lore-sync (alist-get 'held asked))
  (lore-cancel)
  (setq cancelled (ended) steps nil)
  (lore-sync 99999)
  (ended)
  (princ (json-serialize
          (list :history history :steps synced :cancelled cancelled
                :missing failure
                :unknown (let ((lore-project "no/such")) (refusal #'lore-file-history))))))
