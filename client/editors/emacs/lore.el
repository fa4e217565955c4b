;;; lore.el --- Merge requests behind a file, from lore's daemon  -*- lexical-binding: t; -*-
;; SPDX-License-Identifier: MIT OR Apache-2.0
;; Package-Requires: ((emacs "28.1"))

;;; Commentary:
;; An example of a client for the socket of `lored', to be used or built upon:
;;   (load "/path/to/lore.el")
;;   M-x lore-file-history   merge requests that touched the file visited
;;   M-x lore-sync           fetch one merge request anew, with progress
;;   M-x lore-cancel         cancel that
;; Text from GitLab is only shown: never evaluated, and without controls.

;;; Code:
(require 'jsonrpc)
(require 'seq)

(defvar lore-project nil "Project path, where the mirror has several; may be buffer-local.")
(defvar lore--connection nil "The connection to the daemon, once there was one.")
(defvar lore--job nil "What says which sync goes on, for `jobs.cancel'.")
(defvar lore-event-functions nil "Functions called with each event of a sync, a plist.")

(defun lore-socket ()
  "The daemon's socket, where `lore' finds it too."
  (let ((data (getenv "LORE_DATA_DIR")))
    (cond ((getenv "LORE_SOCKET"))
          (data (expand-file-name "lored.sock" data))
          (t (expand-file-name "lore/lored.sock" (or (getenv "XDG_RUNTIME_DIR") (getenv "XDG_DATA_HOME")
                                                     "~/.local/share"))))))

(defun lore--connect ()
  "The connection, opened where there is none; the daemon is started first."
  (unless (and lore--connection (jsonrpc-running-p lore--connection))
    (unless (zerop (call-process "lore" nil nil nil "daemon" "start"))
      (user-error "The daemon does not start; see `lore daemon start'"))
    (setq lore--connection
          (make-instance 'jsonrpc-process-connection
                         :name "lore" :notification-dispatcher #'lore--event
                         :process (make-network-process :name "lore" :family 'local :noquery t
                                                        :service (lore-socket) :coding 'utf-8-emacs-unix)))
    (lore-request 'daemon.hello (list :protocol 1 :client_version "lore.el")))
  lore--connection)

(defun lore-request (method params)
  "The result of METHOD with PARAMS, a plist; an error says what to do next."
  (condition-case failure (jsonrpc-request (lore--connect) method params)
    (jsonrpc-error
     (let ((data (alist-get 'jsonrpc-error-data (cddr failure))))
       (user-error "%s: %s %s" (plist-get data :code) (alist-get 'jsonrpc-error-message (cddr failure))
                   (mapconcat (lambda (action) (concat "[" action "]")) (plist-get data :actions) " "))))))

;; Where events may come along with a reply: `jsonrpc-request' of Emacs 28 leaves
;; its filter at the reply, and what came with it lies unread until more comes.
(defun lore--send (method params)
  "Call METHOD with PARAMS without waiting; an error is told."
  (jsonrpc-async-request (lore--connect) method params :success-fn #'ignore
                         :error-fn (lambda (failure) (message "lore: %s" (plist-get failure :message)))))

(defun lore--line (text)
  "TEXT, written by anybody, without what acts instead of being seen."
  (replace-regexp-in-string "[[:cntrl:]\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f]" "" text))

(defun lore--place ()
  "Parameters that say which project is meant."
  (let ((remote (car (ignore-errors (process-lines "git" "remote" "get-url" "origin")))))
    (cond (lore-project (list :project lore-project))
          (remote (list :remotes (vector (replace-regexp-in-string "//[^/]*@" "//" remote)))))))

(defun lore-file-history ()
  "Show the merge requests that touched the file visited."
  (interactive)
  (let* ((root (or (locate-dominating-file default-directory ".git") default-directory))
         (path (file-relative-name (or buffer-file-name (user-error "This buffer visits no file")) root))
         (data (plist-get (lore-request 'fileHistory.get `(:path ,path ,@(lore--place))) :data)))
    (with-current-buffer (get-buffer-create "*lore*")
      (let ((inhibit-read-only t))
        (erase-buffer)
        (insert path "\n")
        (seq-doseq (mr (plist-get data :merge_requests))
          (insert (format "!%-5d %-7s %s\n" (plist-get mr :iid) (plist-get mr :state)
                          (lore--line (plist-get mr :title))))))
      (special-mode)
      (display-buffer (current-buffer)))))

(defun lore-sync (iid)
  "Fetch merge request IID anew; the echo area says how far that is."
  (interactive "nMerge request: !")
  (let ((started (lore-request 'sync.start `(:merge_requests [,iid] ,@(lore--place)))))
    (setq lore--job (list :job_id (plist-get started :job_id) :asker (plist-get started :asker)))
    (lore--send 'jobs.subscribe (list :job_id (plist-get started :job_id)))))

(defun lore-cancel ()
  "Cancel the sync that `lore-sync' started, unless others asked for it too."
  (interactive)
  (lore--send 'jobs.cancel (or lore--job (user-error "No sync was started"))))

(defun lore--event (_connection _method params)
  "Tell what a notification with PARAMS says of a sync."
  (let ((event (plist-get params :result)))
    (run-hook-with-args 'lore-event-functions event)
    (message "lore: %s %s" (plist-get event :kind)
             (or (plist-get (plist-get event :error) :message) (plist-get event :phase)
                 (plist-get event :stage) (plist-get event :state) ""))))

(provide 'lore)
;;; lore.el ends here
